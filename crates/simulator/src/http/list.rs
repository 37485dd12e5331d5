//! Collections: computed item by item, filtered, sorted and cut into pages.

use super::cursor::{Paging, Window};
use super::fields::Fields;
use super::filter::{self, Expression};
use super::params::Params;
use super::reply::{ApiError, Reply};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

type Get<'a> = Box<dyn Fn(usize) -> Value + 'a>;
type Peek<'a> = Box<dyn Fn(usize, &str) -> Option<Value> + 'a>;

/// A collection whose items are computed when a page needs them.
pub(crate) struct List<'a> {
    pub(crate) len: usize,
    get: Get<'a>,
    peek: Peek<'a>,
}

impl std::fmt::Debug for List<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "List of {}", self.len)
    }
}

impl<'a> List<'a> {
    pub(crate) fn new(len: usize, get: impl Fn(usize) -> Value + 'a) -> Self {
        Self {
            len,
            get: Box::new(get),
            peek: Box::new(|_, _| None),
        }
    }

    pub(crate) fn of(values: Vec<Value>) -> Self {
        Self::new(values.len(), move |index| values[index].clone())
    }

    /// Gives the fields that can be had without computing the item. Filters and sorts of large
    /// collections would otherwise compute every item for every page.
    pub(crate) fn with_peek(mut self, peek: impl Fn(usize, &str) -> Option<Value> + 'a) -> Self {
        self.peek = Box::new(peek);
        self
    }

    pub(crate) fn get(&self, index: usize) -> Value {
        (self.get)(index)
    }

    pub(crate) fn peek(&self, index: usize, path: &str) -> Option<Value> {
        (self.peek)(index, path)
    }

    /// One field of one item by its dotted path.
    pub(crate) fn field(&self, index: usize, path: &str) -> Value {
        self.peek(index, path)
            .unwrap_or_else(|| filter::lookup(&self.get(index), path))
    }
}

/// Whether an item belongs to the list at all.
pub(crate) type Keep<'a> = &'a dyn Fn(&List<'_>, usize) -> bool;

/// The orders of long lists that have been filtered or sorted, by address without the page.
///
/// A client asks for one list a thousand times, page by page; sorting 50,000 pull requests anew
/// each time would be all that the simulator does. Emptied when the world changes.
#[derive(Debug, Default)]
pub(crate) struct Orders(Mutex<HashMap<String, Arc<Vec<usize>>>>);

impl Orders {
    /// So many lists are remembered; the next one empties the memory.
    const LISTS: usize = 64;

    fn get(&self, key: &str) -> Option<Arc<Vec<usize>>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .cloned()
    }

    fn put(&self, key: String, order: &Arc<Vec<usize>>) {
        let mut orders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if orders.len() >= Self::LISTS {
            orders.clear();
        }
        orders.insert(key, Arc::clone(order));
    }

    pub(crate) fn clear(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

/// What an endpoint's list takes and hides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) paging: Paging,
    /// Whether `q` and `sort` are looked at.
    pub(crate) filters: bool,
    /// Paths from the top of the answer that show only when `fields` asks for them.
    pub(crate) hidden: &'static [&'static str],
    /// Whether the list is long enough to remember its orders, and the same for every client.
    pub(crate) remembers: bool,
}

impl Shape {
    pub(crate) const fn paged(paging: Paging) -> Self {
        Self {
            paging,
            filters: true,
            hidden: &[],
            remembers: false,
        }
    }
}

/// Where the list stands: needed for `next`, and for cursors that belong to one URL only.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) api_url: &'a str,
    /// The path below the REST root as it was sent, still percent-encoded.
    pub(crate) path: &'a str,
    pub(crate) params: &'a Params,
    pub(crate) seed: u64,
    pub(crate) orders: &'a Orders,
}

/// Filters (`keep` first, then `q`), sorts, cuts out the page and dresses it in its envelope.
pub(crate) fn page(
    list: &List<'_>,
    shape: Shape,
    place: Place<'_>,
    keep: Option<Keep<'_>>,
) -> Result<Reply, ApiError> {
    let window = Window::parse(shape.paging, place.params, place.path, place.seed)?;
    let fields = Fields::parse(place.params.all("fields"))?;
    let order = order(list, shape, place, keep)?;
    let len = order.as_ref().map_or(list.len, |order| order.len());
    window.check(len)?;
    let values: Vec<Value> = (window.start()..window.end(len))
        .map(|position| list.get(order.as_ref().map_or(position, |order| order[position])))
        .collect();
    let mut envelope = Map::new();
    envelope.insert("values".to_owned(), Value::Array(values));
    envelope.insert("pagelen".to_owned(), json!(window.pagelen));
    if window.shows_size() {
        envelope.insert("size".to_owned(), json!(len));
        envelope.insert("page".to_owned(), json!(window.page + 1));
        if window.page > 0 {
            envelope.insert("previous".to_owned(), link(place, window, window.page - 1));
        }
    }
    if window.end(len) < len {
        envelope.insert("next".to_owned(), link(place, window, window.page + 1));
    }
    let full = Value::Object(envelope);
    if fields.is_empty() && shape.hidden.is_empty() {
        return Ok(Reply::Json(full));
    }
    Ok(Reply::Json(fields.apply(full, shape.hidden)))
}

fn link(place: Place<'_>, window: Window, page: u64) -> Value {
    let (name, value) = window.parameter(page);
    let query = place.params.with_cursor(Some((name, &value)));
    Value::String(format!("{}{}?{query}", place.api_url, place.path))
}

/// The indices of the items to show, or none when that is all of them as they stand.
fn order(
    list: &List<'_>,
    shape: Shape,
    place: Place<'_>,
    keep: Option<Keep<'_>>,
) -> Result<Option<Arc<Vec<usize>>>, ApiError> {
    let params = place.params;
    let q = params
        .get("q")
        .filter(|q| shape.filters && !q.trim().is_empty());
    let sort = params
        .get("sort")
        .filter(|sort| shape.filters && !sort.is_empty());
    if q.is_none() && sort.is_none() && keep.is_none() {
        return Ok(None);
    }
    let key = format!(
        "{}?{}",
        place.path,
        params.without(&["page", "pagelen", "fields"])
    );
    if let Some(order) = place.orders.get(&key).filter(|_| shape.remembers) {
        return Ok(Some(order));
    }
    let expression = q.map(Expression::parse).transpose()?;
    let mut order: Vec<usize> = (0..list.len)
        .filter(|index| keep.is_none_or(|keep| keep(list, *index)))
        .filter(|index| {
            expression
                .as_ref()
                .is_none_or(|q| q.matches(&|path| list.field(*index, path)))
        })
        .collect();
    if let Some(sort) = sort {
        sort_by(list, &mut order, sort)?;
    }
    let order = Arc::new(order);
    if shape.remembers {
        place.orders.put(key, &order);
    }
    Ok(Some(order))
}

fn sort_by(list: &List<'_>, order: &mut Vec<usize>, sort: &str) -> Result<(), ApiError> {
    let (descending, path) = sort
        .strip_prefix('-')
        .map_or((false, sort), |path| (true, path));
    let word = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    if !path.split('.').all(word) {
        return Err(ApiError::bad_request(format!("Invalid sort field: {sort}")));
    }
    let mut keyed: Vec<(Value, usize)> = order
        .iter()
        .map(|index| (filter::sort_key(list.field(*index, path)), *index))
        .collect();
    if !keyed.is_empty() && list.len > 0 && keyed.iter().all(|(key, _)| key.is_null()) {
        let first = list.get(keyed[0].1);
        if filter::find(&first, path).is_none() {
            return Err(ApiError::bad_request(format!("Invalid sort field: {path}")));
        }
    }
    keyed.sort_by(|(left, left_index), (right, right_index)| {
        let ordering = filter::compare(left, right);
        // Equal keys keep their place in both directions, so that pages never overlap.
        if descending {
            ordering.reverse()
        } else {
            ordering
        }
        .then(left_index.cmp(right_index))
    });
    *order = keyed.into_iter().map(|(_, index)| index).collect();
    Ok(())
}
