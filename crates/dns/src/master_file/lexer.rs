//! The words of a master file (RFC 1035 §5.1), line by line.

use super::{Fault, MasterFileError};

/// A word as it was written, without its quotes; escapes are still in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    pub(super) quoted: bool,
}

/// A record or a directive: the words of one line, or of several within parentheses.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    /// Of its first word; the first line is 1.
    pub(super) line: usize,
    /// Whether it begins with a blank: the owner is then that of the record before.
    pub(super) begins_blank: bool,
    pub(super) words: Vec<Word<'a>>,
}

/// Cuts a text into entries.
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, line: 1 }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn fault<T>(line: usize, fault: Fault) -> Result<T, MasterFileError> {
        Err(MasterFileError { line, fault })
    }

    /// The next line with words; what is in parentheses does not end with the line.
    fn entry(&mut self) -> Result<Option<Entry<'a>>, MasterFileError> {
        while self.peek().is_some() {
            let begins_blank = matches!(self.peek(), Some(b' ' | b'\t'));
            let mut entry = Entry { line: self.line, begins_blank, words: Vec::new() };
            self.fill(&mut entry)?;
            if !entry.words.is_empty() {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    fn fill(&mut self, entry: &mut Entry<'a>) -> Result<(), MasterFileError> {
        let mut opened = None;
        while let Some(byte) = self.peek() {
            match byte {
                b'\n' => {
                    self.at += 1;
                    self.line += 1;
                    if opened.is_none() {
                        return Ok(());
                    }
                }
                b' ' | b'\t' | b'\r' => self.at += 1,
                b';' => self.at += self.text[self.at..].find('\n').unwrap_or(self.text.len() - self.at),
                b'(' if opened.is_some() => return Self::fault(self.line, Fault::Nested),
                b'(' => {
                    opened = Some(self.line);
                    self.at += 1;
                }
                b')' if opened.take().is_none() => return Self::fault(self.line, Fault::NotOpened),
                b')' => self.at += 1,
                _ => {
                    if entry.words.is_empty() {
                        entry.line = self.line;
                    }
                    let word = if byte == b'"' { self.quoted()? } else { self.plain()? };
                    entry.words.push(word);
                }
            }
        }
        opened.map_or(Ok(()), |line| Self::fault(line, Fault::NotClosed))
    }

    fn quoted(&mut self) -> Result<Word<'a>, MasterFileError> {
        let (line, start) = (self.line, self.at + 1);
        self.at = start;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    let text = &self.text[start..self.at];
                    self.at += 1;
                    return Ok(Word { text, quoted: true });
                }
                b'\n' => self.line += 1,
                b'\\' => self.escape(line)?,
                _ => {}
            }
            self.at += 1;
        }
        Self::fault(line, Fault::Quotes)
    }

    fn plain(&mut self) -> Result<Word<'a>, MasterFileError> {
        let start = self.at;
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'(' | b')' => break,
                b'\\' => self.escape(self.line)?,
                _ => {}
            }
            self.at += 1;
        }
        Ok(Word { text: &self.text[start..self.at], quoted: false })
    }

    /// Moves to the byte behind a backslash: it is part of the word, whatever it is.
    fn escape(&mut self, line: usize) -> Result<(), MasterFileError> {
        self.at += 1;
        match self.peek() {
            None | Some(b'\n') => Self::fault(line, Fault::Escape),
            Some(_) => Ok(()),
        }
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Result<Entry<'a>, MasterFileError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.entry().transpose()
    }
}

/// The bytes that a word stands for, and which of them were escaped: `\.` is a dot within a label, `\DDD` a byte
/// by its decimal number.
pub(super) fn unescaped(text: &str) -> Result<Vec<(u8, bool)>, Fault> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push((byte, false));
            continue;
        }
        let first = bytes.next().ok_or(Fault::Escape)?;
        if !first.is_ascii_digit() {
            out.push((first, true));
            continue;
        }
        let mut number = u16::from(first - b'0');
        for _ in 0..2 {
            let digit = bytes.next().filter(u8::is_ascii_digit).ok_or(Fault::Escape)?;
            number = number * 10 + u16::from(digit - b'0');
        }
        out.push((u8::try_from(number).map_err(|_| Fault::Escape)?, true));
    }
    Ok(out)
}
