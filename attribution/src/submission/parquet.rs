//! Evidence as Parquet: written the same way every time, and read as if somebody meant harm.
//!
//! Nothing is compressed, so that no page can grow when it is read; what a dictionary or a run of equal values can make
//! of few bytes is counted before any of it is made.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use bytes::Bytes;
use lake::Table;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, Encoding, Type};
use parquet::column::page::{Page, PageReader};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::{Limits, SubmissionError};

/// Rows that are read at a time.
const AT_ONCE: usize = 4096;

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
    let file = format!("evidence/{}.parquet", table.name);
    let refused = |why: String| SubmissionError::refused(format!("`{file}` {why}"));
    let unreadable = |error: ParquetError| refused(format!("is no Parquet that can be read ({error})"));
    let content = Bytes::copy_from_slice(content);
    bounded(&content, most, limits).map_err(|problem| match problem {
        Problem::Unreadable(error) => unreadable(error),
        Problem::Beyond(why) => refused(why),
    })?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(content).map_err(unreadable)?;
    let (schema, expected) = (reader.schema().clone(), table.row_schema());
    let known: Vec<_> = expected.fields().iter().map(|field| (field.name(), field.data_type())).collect();
    let found: Vec<_> = schema.fields().iter().map(|field| (field.name(), field.data_type())).collect();
    if known != found {
        let named = |fields: &[(&String, &arrow::datatypes::DataType)]| {
            fields.iter().map(|(name, data_type)| format!("{name} {data_type}")).collect::<Vec<_>>().join(", ")
        };
        return Err(refused(format!(
            "does not have the columns of `{}`: expected {}; found {}",
            table.name,
            named(&known),
            named(&found)
        )));
    }
    let mut batches = Vec::new();
    let mut rows = 0;
    for batch in reader.with_batch_size(AT_ONCE).build().map_err(unreadable)? {
        let batch = batch.map_err(|error| refused(format!("cannot be read to its end ({error})")))?;
        rows += batch.num_rows() as u64;
        if rows > most {
            return Err(refused(format!("has more rows than the {most} that are read")));
        }
        let batch = table.through_structs(&batch).map_err(|error| SubmissionError::table(table.name, error))?;
        batches.push(batch);
    }
    concat_batches(&expected, &batches).map_err(|error| SubmissionError::table(table.name, error))
}

enum Problem {
    Unreadable(ParquetError),
    Beyond(String),
}

impl From<ParquetError> for Problem {
    fn from(error: ParquetError) -> Self {
        Self::Unreadable(error)
    }
}

/// Walks every page, makes nothing of it, and says whether all of it together stays within the limits.
fn bounded(content: &Bytes, most: u64, limits: &Limits) -> Result<(), Problem> {
    let beyond = |why: String| Err(Problem::Beyond(why));
    let reader = SerializedFileReader::new(content.clone())?;
    let metadata = reader.metadata();
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
