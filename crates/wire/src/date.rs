//! `xsd:dateTime` in UTC with milliseconds, such as `2026-01-02T03:04:05.000Z`.

use jiff::Timestamp;

/// Milliseconds since 1970-01-01T00:00:00Z as a text. Out of the years 1 to 9999 it is the nearest of them.
pub fn write(millis: i64) -> String {
    let time = Timestamp::from_millisecond(millis).unwrap_or(if millis < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    });
    format!("{time:.3}")
}

/// The milliseconds that a text names, with any offset; `None` when it names none.
pub fn read(text: &str) -> Option<i64> {
    text.trim().parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_time_of_four_digit_years_reads_back(millis in -62_135_596_800_000_i64..253_370_764_800_000) {
            prop_assert_eq!(read(&write(millis)), Some(millis));
        }
    }

    #[test]
    fn times_out_of_bounds_are_the_nearest() {
        for millis in [i64::MIN, i64::MAX] {
            assert!(read(&write(millis)).is_some(), "{}", write(millis));
        }
    }

    #[test]
    fn times_are_utc_with_milliseconds() {
        assert_eq!(write(1_767_323_045_000), "2026-01-02T03:04:05.000Z");
        assert_eq!(read("2026-01-02T04:04:05+01:00"), Some(1_767_323_045_000));
        assert_eq!(read("yesterday"), None);
    }
}
