-- What was written as HTML, cleaned; `text` is what it says.
ALTER TABLE message ADD COLUMN html TEXT;
