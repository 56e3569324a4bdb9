//! The ranges of an `Accept` header (RFC 9110 §12.5.1).

/// Each media range in lower case with its weight in thousandths; 1000 where none is given or it can not be read.
pub(crate) fn ranges(accept: &str) -> impl Iterator<Item = (String, u16)> {
    accept.split(',').map(|range| {
        let (media_type, parameters) = range.split_once(';').unwrap_or((range, ""));
        (media_type.trim().to_ascii_lowercase(), quality(parameters))
    })
}

fn quality(parameters: &str) -> u16 {
    let weight = parameters.split(';').filter_map(|parameter| parameter.split_once('='));
    let weight = weight.filter(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
    let weight = weight.filter_map(|(_, value)| value.trim().parse::<f32>().ok()).next();
    weight.map_or(1000, |weight| (weight.clamp(0.0, 1.0) * 1000.0) as u16)
}
