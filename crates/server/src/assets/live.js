// What pages do by themselves: times in the reader's zone, choosing many at once, and parts
// that change while the page is open. Every page is right without it when it is loaded.
"use strict";

(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (selector, root = document) => root.querySelector(selector);

  // Times ------------------------------------------------------------------------------

  const formats = {
    full: new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }),
    clock: new Intl.DateTimeFormat(undefined, { timeStyle: "short" }),
    exact: new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" }),
  };

  function localise(root) {
    for (const element of all("time[data-form]", root)) {
      const time = new Date(element.dateTime);
      if (Number.isNaN(time.getTime())) continue;
      const isToday = time.toDateString() === new Date().toDateString();
      const isClock = element.dataset.form === "clock" && isToday;
      element.title = `${formats.exact.format(time)} (${element.dateTime})`;
      element.textContent = (isClock ? formats.clock : formats.full).format(time);
    }
  }

  // Choosing ---------------------------------------------------------------------------

  function choosing(form) {
    const boxes = () => all(`input[name=${form.dataset.choice}]`, form);
    const master = one("[data-all]", form);
    const words = one("[data-chosen]", form);
    const everything = one("input[name=all]", form);

    function update() {
      const count = boxes().filter((box) => box.checked).length;
      const isAll = everything?.checked ?? false;
      master.checked = count > 0 && count === boxes().length;
      master.indeterminate = count > 0 && !master.checked;
      words.textContent = isAll ? "With all that match:" : `With ${count} chosen:`;
      one(".bulk", form).classList.toggle("ready", count > 0 || isAll);
      for (const button of all(".bulk button", form)) {
        button.disabled = count === 0 && !isAll;
      }
    }

    master.hidden = false;
    master.addEventListener("change", () => {
      for (const box of boxes()) box.checked = master.checked;
    });
    form.addEventListener("change", update);
    // Going back brings a browser's own memory of the boxes.
    window.addEventListener("pageshow", update);
    update();
  }

  // Parts that change ------------------------------------------------------------------

  // What the server sent, before times were put into the reader's zone.
  const sent = new WeakMap();

  function swap(element, html) {
    if (sent.get(element) === html) return;
    sent.set(element, html);
    const focused = element.contains(document.activeElement) ? document.activeElement : null;
    const open = all("details[open][id]", element).map((details) => details.id);
    element.innerHTML = html;
    for (const id of open) {
      const details = document.getElementById(id);
      if (details) details.open = true;
    }
    localise(element);
    if (focused) {
      const same = (other) =>
        other.tagName === focused.tagName &&
        other.getAttribute("href") === focused.getAttribute("href") &&
        other.value === focused.value;
      all("a, button, input, summary", element).find(same)?.focus({ preventScroll: true });
    }
  }

  const main = one("main[data-events]");

  // What the server shows at this address now, in place of what is shown here.
  async function refresh() {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (answer.redirected || !answer.ok) {
      // Signed out, or gone: the page itself says so.
      location.reload();
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const element of all("[data-live]")) {
      const fresh = page.getElementById(element.id);
      if (fresh) swap(element, fresh.innerHTML);
    }
    for (const element of all("[data-import]")) {
      const fresh = page.getElementById(element.id);
      for (const part of fresh ? all("[data-part]", element) : []) {
        const name = part.dataset.part;
        swap(part, one(`[data-part="${name}"]`, fresh).innerHTML);
      }
    }
    const rows = all("tr[data-import]", page);
    if (rows.length > 0) newsOf(rows[0].dataset.import);
  }

  // At most once a second, and never two at the same time.
  let waiting = false;
  function refreshSoon() {
    if (waiting) return;
    waiting = true;
    setTimeout(() => {
      refresh()
        .catch(() => offline(true))
        .finally(() => { waiting = false; });
    }, 1000);
  }

  // Ids of imports sort by time: a greater one than the first of the list is new.
  function newsOf(id) {
    const news = one("[data-news]");
    const first = one("tr[data-import]");
    if (news && first && id > first.dataset.import) news.hidden = false;
  }

  function importChanged(data) {
    const element = document.getElementById(`import-${data.id}`);
    if (!element) {
      newsOf(data.id);
      return;
    }
    for (const part of all("[data-part]", element)) {
      const html = data.parts[part.dataset.part];
      if (html !== undefined) swap(part, html);
    }
    if (element.dataset.state !== data.state) {
      element.dataset.state = data.state;
      one("[data-said]").textContent = data.said;
    }
    if ("whole" in element.dataset) refreshSoon();
  }

  function countsChanged(counts) {
    const chips = one(".chips[data-counts]");
    if (!chips) return;
    let sum = 0;
    for (const [state, count] of Object.entries(counts)) {
      sum += count;
      const chip = one(`[data-state="${state}"]`, chips);
      if (!chip) continue;
      one(".count", chip).textContent = count.toLocaleString("en");
      chip.hidden = count === 0 && !chip.hasAttribute("aria-current");
    }
    one(".count", chips).textContent = sum.toLocaleString("en");
  }

  let offlineSoon = null;
  function offline(isOffline) {
    const show = () => { one("[data-offline]").hidden = !isOffline; };
    if (isOffline) {
      // Whoever comes back within seconds need not be told; each try that fails is not a
      // new beginning.
      offlineSoon ??= setTimeout(show, 4000);
      return;
    }
    clearTimeout(offlineSoon);
    offlineSoon = null;
    show();
  }

  let source = null;
  let after = main?.dataset.events;
  let pause = 1000;

  function listen() {
    source?.close();
    const events = new EventSource(`events?after=${encodeURIComponent(after)}`);
    source = events;
    const on = (kind, act) =>
      events.addEventListener(kind, (event) => {
        if (event.lastEventId) after = event.lastEventId;
        act(event.data);
      });
    const connected = () => {
      pause = 1000;
      offline(false);
    };
    on("ready", connected);
    on("anew", () => {
      connected();
      refreshSoon();
    });
    on("import", (data) => importChanged(JSON.parse(data)));
    on("counts", (data) => countsChanged(JSON.parse(data)));
    on("signed-out", () => location.reload());
    events.addEventListener("error", () => {
      offline(true);
      // It tries again by itself unless the server answered something else.
      if (events.readyState !== EventSource.CLOSED || source !== events) return;
      setTimeout(() => {
        if (source !== events) return;
        refresh().then(listen, listen);
      }, pause);
      pause = Math.min(2 * pause, 30000);
    });
  }

  function stayAwake() {
    // A tab that nobody sees leaves its connection to the others.
    let asleep;
    document.addEventListener("visibilitychange", () => {
      clearTimeout(asleep);
      if (document.hidden) {
        asleep = setTimeout(() => {
          source?.close();
          source = null;
        }, 60000);
      } else if (source === null) {
        listen();
      }
    });
    window.addEventListener("online", listen);
    window.addEventListener("pageshow", (event) => { if (event.persisted) listen(); });
    // A machine that slept may believe for long that it is connected.
    let tick = Date.now();
    setInterval(() => {
      if (Date.now() - tick > 40000 && source !== null) listen();
      tick = Date.now();
    }, 10000);
  }

  // Codes ------------------------------------------------------------------------------

  // A one-time code behind the address of a link: no server sees it there, and it does not
  // stay in the address.
  function takeCode() {
    const code = /^#([0-9A-Z]{5}(?:-[0-9A-Z]{5}){3})$/.exec(location.hash)?.[1];
    if (!code) return;
    history.replaceState(null, "", location.pathname + location.search);
    const field = one("input[name=code]");
    if (!field) return;
    field.value = code;
    field.closest("details")?.setAttribute("open", "");
    // Whoever has more to say says it first.
    const empty = all("input[required]", field.form).find((input) => input.value === "");
    if (empty) empty.focus();
    else field.form.requestSubmit();
  }

  // Begin ------------------------------------------------------------------------------

  for (const element of all("[data-live], [data-part]")) sent.set(element, element.innerHTML);
  localise(document);
  takeCode();
  window.addEventListener("hashchange", takeCode);
  for (const form of all("form[data-choice]")) choosing(form);
  if (main) {
    listen();
    stayAwake();
  }
})();
