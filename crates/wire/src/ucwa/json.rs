//! JSON whose members keep the order in which they are written; on one line, as batch readers need it.

use serde_json::Value;

pub(super) struct Object<'a> {
    out: &'a mut String,
    empty: bool,
}

pub(super) fn object(out: &mut String, fill: impl FnOnce(&mut Object<'_>)) {
    out.push('{');
    fill(&mut Object { out, empty: true });
    out.push('}');
}

pub(super) fn array<T>(out: &mut String, items: impl IntoIterator<Item = T>, write: impl Fn(&mut String, T)) {
    out.push('[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(out, item);
    }
    out.push(']');
}

pub(super) fn string(out: &mut String, text: &str) {
    out.push_str(&Value::from(text).to_string());
}

impl Object<'_> {
    pub(super) fn member(&mut self, name: &str, write: impl FnOnce(&mut String)) {
        if !self.empty {
            self.out.push(',');
        }
        self.empty = false;
        string(self.out, name);
        self.out.push(':');
        write(self.out);
    }

    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.member(name, |out| string(out, value));
    }
}
