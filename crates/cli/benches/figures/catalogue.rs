//! The rows of the table in `docs/BENCHMARKS.md`, in its order: what is measured, beside what,
//! and what it should be. A test of the documents holds the page to this list.

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    /// Of its values.
    pub(crate) unit: &'static str,
    /// What was taken in the same run, and of which it is a multiple; nothing for a figure that
    /// stands alone.
    pub(crate) against: Option<&'static str>,
    pub(crate) targets: &'static [Target],
}

/// What a figure should be: itself, or as a multiple of what it is held against.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
    RatioAtLeast(f64),
    RatioAtMost(f64),
}

impl Target {
    /// As it stands in the table, but for whether it is met. The unit is that of the values.
    pub(crate) fn text(self, unit: &str) -> String {
        let text = match self {
            Self::AtLeast(limit) => format!("≥ {} {unit}", shown(limit)),
            Self::AtMost(limit) => format!("≤ {} {unit}", shown(limit)),
            Self::RatioAtLeast(limit) => format!("ratio ≥ {}", shown(limit)),
            Self::RatioAtMost(limit) => format!("ratio ≤ {}", shown(limit)),
        };
        text.trim_end().to_owned()
    }
}

/// Three or four digits say all that a measurement can.
pub(crate) fn shown(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else if value >= 0.01 || value <= 0.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.4}")
    }
}

const fn figure(name: &'static str, unit: &'static str) -> Figure {
    Figure {
        name,
        unit,
        against: None,
        targets: &[],
    }
}

impl Figure {
    const fn against(mut self, other: &'static str) -> Self {
        self.against = Some(other);
        self
    }

    const fn wanted(mut self, targets: &'static [Target]) -> Self {
        self.targets = targets;
        self
    }
}

/// Names each row, and makes the table of all of them.
macro_rules! table {
    ($($name:ident = $figure:expr;)+) => {
        $(pub(crate) const $name: Figure = $figure;)+
        pub(crate) const TABLE: &[Figure] = &[$($name),+];
    };
}

use Target::{AtLeast, AtMost, RatioAtLeast, RatioAtMost};

table! {
    REQUESTS = figure("requests: a first import", "")
        .against("GitLab's importer, by its formula")
        .wanted(&[RatioAtMost(1.0)]);
    // Ours reads activity, tasks and settings besides.
    REQUESTS_SAME = figure("requests: of those, for what GitLab asks for", "")
        .against("GitLab's importer, by its formula")
        .wanted(&[RatioAtMost(1.0)]);
    // The pages of the list of 5,000 pull requests, and the repository.
    REQUESTS_AGAIN = figure("requests: once more, nothing changed", "")
        .against("GitLab's importer, by its formula")
        .wanted(&[AtMost(101.0)]);
    CLONE = figure("clone: import --only git", "s")
        .against("git clone --mirror")
        .wanted(&[RatioAtMost(1.0)]);
    CLONE_AGAIN = figure("clone: once more, nothing changed", "s")
        .against("git remote update");
    CLONE_MEMORY = figure("clone: peak memory that is no file", "MiB");
    OBJECTS = figure("objects: stored in a second", "").wanted(&[AtLeast(3_000.0)]);
    OBJECTS_ALL = figure("objects: with activity and tasks", "");
    OBJECTS_LARGE = figure("objects: in a large world", "")
        .against("in the world itself")
        .wanted(&[AtLeast(3_000.0), RatioAtLeast(0.9)]);
    DISTANT = figure("distant: a first import", "s")
        .against("requests × latency ÷ 8")
        .wanted(&[RatioAtMost(1.3)]);
    // A list without numbered pages: each page says where the next one is.
    DISTANT_FEED = figure("distant: the same import", "s")
        .against("pages of its activity × latency");
    MEMORY = figure("memory: at the peak", "MiB").wanted(&[AtMost(150.0)]);
    // SQLite's caches fill up, and the allocator keeps a little: this is still called flat.
    MEMORY_LARGE = figure("memory: in a large world", "MiB")
        .against("in the world itself")
        .wanted(&[AtMost(150.0), RatioAtMost(1.25)]);
    RESUME_QUARTER_REQUESTS = figure("resume: requests, killed after 25 %", "")
        .against("undisturbed")
        .wanted(&[RatioAtMost(1.05)]);
    RESUME_HALF_REQUESTS = figure("resume: requests, killed after 50 %", "")
        .against("undisturbed")
        .wanted(&[RatioAtMost(1.05)]);
    RESUME_LATE_REQUESTS = figure("resume: requests, killed after 75 %", "")
        .against("undisturbed")
        .wanted(&[RatioAtMost(1.05)]);
    RESUME_QUARTER_TIME = figure("resume: time, killed after 25 %", "s").against("undisturbed");
    RESUME_HALF_TIME = figure("resume: time, killed after 50 %", "s").against("undisturbed");
    RESUME_LATE_TIME = figure("resume: time, killed after 75 %", "s").against("undisturbed");
    PAGES_HALF = figure("dashboard: half of the looks, slowest page", "ms")
        .against("nothing is imported");
    PAGES_MOST = figure("dashboard: of 100 looks 99, slowest page", "ms")
        .against("nothing is imported")
        .wanted(&[AtMost(100.0)]);
    PAGES_CROWDED = figure("dashboard: the same when nobody pauses", "ms")
        .against("everybody pauses")
        .wanted(&[AtMost(100.0)]);
    PAGES_FIRST = figure("dashboard: first page, over the wire", "kB").wanted(&[AtMost(100.0)]);
    STREAMS = figure("dashboard: open streams", "").wanted(&[AtLeast(1_000.0)]);
    STREAMS_MEMORY = figure("dashboard: memory with them", "MB").wanted(&[AtMost(200.0)]);
    STREAMS_NEWS = figure("dashboard: from a commit to the last stream", "ms")
        .wanted(&[AtMost(500.0)]);
    QUEUE_ENQUEUE = figure("queue: 10,000 imports put into it", "s").wanted(&[AtMost(10.0)]);
    QUEUE_STATUS = figure("queue: status of them", "s");
    QUEUE_IMPORT = figure("queue: an import", "ms").against("at the terminal");
    QUEUE_OVERHEAD = figure("queue: what it adds to an import", "ms").wanted(&[AtMost(20.0)]);
    QUEUE_PAUSE = figure("queue: from the end of one to the claim of the next", "ms")
        .wanted(&[AtMost(20.0)]);
    WORKERS_TWO = figure("queue: imports in a second, two workers", "")
        .against("one worker")
        .wanted(&[RatioAtLeast(1.5)]);
    WORKERS_FOUR = figure("queue: imports in a second, four workers", "").against("one worker");
    AT_ONCE = figure("queue: peak memory of 50 imports at once", "MiB").wanted(&[AtMost(500.0)]);
    ISSUES = figure("issue export: 5,000 issues taken in", "s").wanted(&[AtMost(10.0)]);
    FILE = figure("large file: imported", "MB/s")
        .against("curl")
        .wanted(&[RatioAtLeast(0.8)]);
    FILE_MEMORY = figure("large file: peak memory", "MB").wanted(&[AtMost(100.0)]);
    FILE_VERIFY = figure("large file: verify", "MB/s").against("sha256sum");
    FILE_EXPORT = figure("large file: export", "MB/s").against("cp");
}
