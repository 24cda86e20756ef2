//! What `/metrics` says: numbers read at the moment they are asked for, each with its unit in its name. No label holds
//! a person, a patient, a supplier or an address.

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _, MetricEncoder, text::encode},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};
use std::{fmt, sync::Arc};
use web::health::Render;

type Read = Box<dyn Fn() -> u64 + Send + Sync>;

/// One number.
struct Line {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    read: Read,
}

impl Line {
    fn write(&self, encoder: MetricEncoder<'_>) -> fmt::Result {
        match self.kind {
            MetricType::Counter => ConstCounter::new((self.read)()).encode(encoder),
            _ => ConstGauge::new((self.read)()).encode(encoder),
        }
    }
}

/// The numbers of a node, gathered by those who know them.
#[derive(Default)]
pub struct Metrics(Vec<Line>);

impl Metrics {
    /// Something that goes up and down.
    pub fn gauge(&mut self, name: &'static str, help: &'static str, read: impl Fn() -> u64 + Send + Sync + 'static) {
        self.0.push(Line { name, help, kind: MetricType::Gauge, read: Box::new(read) });
    }

    /// Something that only goes up; the text form adds `_total` to its name.
    pub fn counter(&mut self, name: &'static str, help: &'static str, read: impl Fn() -> u64 + Send + Sync + 'static) {
        self.0.push(Line { name, help, kind: MetricType::Counter, read: Box::new(read) });
    }

    /// What the listener calls.
    pub fn render(self) -> Render {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Gathered(self.0)));
        let registry = Arc::new(registry);
        Arc::new(move || {
            let mut text = String::new();
            match encode(&mut text, &registry) {
                Ok(()) => text,
                Err(_) => "# EOF\n".to_owned(),
            }
        })
    }
}

struct Gathered(Vec<Line>);

impl fmt::Debug for Gathered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|line| line.name)).finish()
    }
}

impl Collector for Gathered {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for line in &self.0 {
            line.write(encoder.encode_descriptor(line.name, line.help, None, line.kind)?)?;
        }
        Ok(())
    }
}

/// Bytes of memory that the process holds now (its resident set), from the kernel's own account.
pub fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = status.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages.saturating_mul(rustix::param::page_size() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_prometheus_reads_them() {
        let mut metrics = Metrics::default();
        metrics.gauge("relay_sessions", "Sessions under way", || 3);
        metrics.counter("journal_entries", "Durable entries", || 12);
        let text = metrics.render()();
        let expected = "# HELP relay_sessions Sessions under way\n# TYPE relay_sessions gauge\nrelay_sessions 3\n\
            # HELP journal_entries Durable entries\n# TYPE journal_entries counter\njournal_entries_total 12\n# EOF\n";
        assert_eq!(text, expected);
        assert!(resident_bytes() > 1_000_000);
    }
}
