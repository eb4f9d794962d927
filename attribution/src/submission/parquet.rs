//! Evidence as Parquet: written the same way every time, and read as if somebody meant harm.
//!
//! Nothing is compressed, so that no page can grow when it is read; what a dictionary or a run of equal values can make
//! of few bytes is counted before any of it is made.

use std::panic::AssertUnwindSafe;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::error::ArrowError;
use bytes::Bytes;
use lake::Table;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::{Compression, Encoding, Type};
use parquet::column::page::{Page, PageReader};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::reader::{FileReader, SerializedFileReader};

use self::thrift::{Stated, look_through};
use super::{Limits, SubmissionError};

mod thrift;

/// Rows that are read at a time.
const AT_ONCE: usize = 4096;
/// A footer tells of tens of columns, each in some hundred bytes for each part of the file.
const MOST_FOOTER: usize = 4 << 20;
/// Columns, and what lists have above them.
const MOST_ELEMENTS: usize = 200;

pub(crate) fn written(table: &Table, rows: &RecordBatch) -> Result<Vec<u8>, SubmissionError> {
    let write = || -> Result<Vec<u8>, ParquetError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::UNCOMPRESSED)
            .set_statistics_enabled(EnabledStatistics::None)
            .set_created_by("doracle".to_owned())
            .build();
        let mut writer = ArrowWriter::try_new(Vec::new(), table.row_schema(), Some(properties))?;
        writer.write(rows)?;
        writer.into_inner()
    };
    write().map_err(|error| SubmissionError::refused(format!("`{}` cannot be written ({error})", table.name)))
}

/// The rows of a table in the contract's columns, at most `most`.
pub(crate) fn read(table: &Table, content: &[u8], most: u64, limits: &Limits) -> Result<RecordBatch, SubmissionError> {
    let refused = |why: String| SubmissionError::refused(format!("`evidence/{}.parquet` {why}", table.name));
    let content = Bytes::copy_from_slice(content);
    // The reader takes some states for impossible that somebody who means harm can bring about.
    let reading = std::panic::catch_unwind(AssertUnwindSafe(|| {
        bounded(table, &content, most, limits)?;
        rows(table, &content, most)
    }));
    match reading {
        Ok(Ok(rows)) => Ok(rows),
        Ok(Err(Problem::Unreadable(error))) => Err(refused(format!("cannot be read as Parquet ({error})"))),
        Ok(Err(Problem::Rows(error))) => Err(SubmissionError::table(table.name, error)),
        Ok(Err(Problem::Beyond(why))) => Err(refused(why)),
        Err(_panic) => Err(refused("breaks the reader".to_owned())),
    }
}

fn rows(table: &Table, content: &Bytes, most: u64) -> Result<RecordBatch, Problem> {
    let expected = table.row_schema();
    // What the file says of itself in the words of Arrow is not looked at.
    let options = ArrowReaderOptions::new().with_schema(expected.clone());
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(content.clone(), options)?;
    let (mut batches, mut count) = (Vec::new(), 0);
    for batch in reader.with_batch_size(AT_ONCE).build()? {
        let batch = batch.map_err(Problem::Rows)?;
        count += batch.num_rows() as u64;
        if count > most {
            return Err(Problem::Beyond(format!("has more rows than the {most} that are read")));
        }
        batches.push(table.through_structs(&batch).map_err(Problem::Rows)?);
    }
    concat_batches(&expected, &batches).map_err(Problem::Rows)
}

enum Problem {
    Unreadable(ParquetError),
    Rows(ArrowError),
    Beyond(String),
}

impl From<ParquetError> for Problem {
    fn from(error: ParquetError) -> Self {
        Self::Unreadable(error)
    }
}

/// Walks every page, makes nothing of it, and says whether all of it together stays within the limits.
fn bounded(table: &Table, content: &Bytes, most: u64, limits: &Limits) -> Result<(), Problem> {
    let beyond = |why: String| Err(Problem::Beyond(why));
    sound_footer(content).ok_or_else(|| Problem::Beyond("states lengths that it does not have".to_owned()))?;
    let reader = SerializedFileReader::new(content.clone())?;
    let metadata = reader.metadata();
    let fields = metadata.file_metadata().schema_descr().root_schema().get_fields();
    let found: Vec<&str> = fields.iter().map(|field| field.name()).collect();
    let schema = table.row_schema();
    let known: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    if found != known {
        let (found, known) = (found.join(", "), known.join(", "));
        return beyond(format!("does not have the columns of `{}`: expected {known}; found {found}", table.name));
    }
    let stated = metadata.file_metadata().num_rows();
    if u64::try_from(stated).is_ok_and(|stated| stated > most) {
        return beyond(format!("states {stated} rows, and {most} are read"));
    }
    let mut bytes: u64 = 0;
    for (place, group) in metadata.row_groups().iter().enumerate() {
        for (at, column) in group.columns().iter().enumerate() {
            if column.compression() != Compression::UNCOMPRESSED {
                return beyond(
                    "is compressed, and evidence is not: what it unpacks to cannot be seen before".to_owned(),
                );
            }
            let (start, length) = column.byte_range();
            sound_pages(content, start, length).ok_or_else(|| {
                Problem::Beyond(format!("states pages of `{}` that it does not have", column.column_path()))
            })?;
            let is_text = column.column_type() == Type::BYTE_ARRAY;
            let size = column_size(reader.get_row_group(place)?.get_column_page_reader(at)?.as_mut(), is_text)?;
            bytes = bytes.saturating_add(size);
            if bytes > limits.decoded_bytes {
                return beyond(format!("holds more than the {} bytes that are read", limits.decoded_bytes));
            }
        }
    }
    Ok(())
}

/// Whether the footer can be read: no length beyond its bytes, and no more columns than any table has.
fn sound_footer(content: &[u8]) -> Option<()> {
    let (content, tail) = content.split_last_chunk::<8>()?;
    let length = usize::try_from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]])).ok()?;
    let footer = content.get(content.len().checked_sub(length)?..)?;
    let mut sound = length <= MOST_FOOTER;
    look_through(footer, |path, stated| {
        sound &= match (path, stated) {
            // The elements of the schema, and how many each says belong to it.
            ([2], Stated::Length(elements)) => elements <= MOST_ELEMENTS,
            ([2, 5], Stated::Number(children)) => {
                usize::try_from(children).is_ok_and(|children| children <= MOST_ELEMENTS)
            }
            _ => true,
        };
    })?;
    sound.then_some(())
}

/// Whether the pages of a column can be read: each header whole, and as many bytes behind it as it states.
fn sound_pages(content: &[u8], start: u64, length: u64) -> Option<()> {
    let (start, length) = (usize::try_from(start).ok()?, usize::try_from(length).ok()?);
    let mut pages = content.get(start..start.checked_add(length)?)?;
    while !pages.is_empty() {
        let mut sizes = [None; 2];
        let header = look_through(pages, |path, stated| match (path, stated) {
            ([2], Stated::Number(size)) => sizes[0] = usize::try_from(size).ok(),
            ([3], Stated::Number(size)) => sizes[1] = usize::try_from(size).ok(),
            _ => {}
        })?;
        let [uncompressed, stored] = sizes;
        if uncompressed? != stored? {
            return None;
        }
        pages = pages.get(header.checked_add(stored?)?..)?;
    }
    Some(())
}

/// What the pages of a column can become at most.
fn column_size(pages: &mut dyn PageReader, is_text: bool) -> Result<u64, Problem> {
    let (mut size, mut longest): (u64, u64) = (0, 0);
    while let Some(page) = pages.get_next_page()? {
        let encoding = page.encoding();
        if !matches!(encoding, Encoding::PLAIN | Encoding::PLAIN_DICTIONARY | Encoding::RLE_DICTIONARY | Encoding::RLE)
        {
            return Err(Problem::Beyond(format!("uses the encoding {encoding}, which evidence does not")));
        }
        let values = u64::from(page.num_values());
        match &page {
            Page::DictionaryPage { buf, .. } if is_text => longest = longest.max(longest_text(buf)),
            _ => {}
        }
        // A value costs its levels and its place, and as many bytes as the longest that a dictionary holds.
        size = size.saturating_add(values.saturating_mul(16 + longest)).saturating_add(page.buffer().len() as u64);
    }
    Ok(size)
}

/// The longest text of a dictionary.
fn longest_text(dictionary: &[u8]) -> u64 {
    let (mut rest, mut longest) = (dictionary, 0);
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = u32::from_le_bytes(*length);
        longest = longest.max(u64::from(length).min(dictionary.len() as u64));
        rest = usize::try_from(length).ok().and_then(|length| after.get(length..)).unwrap_or_default();
    }
    longest
}

#[cfg(test)]
mod tests;
