//! The right relation of an `ASOF JOIN`, sorted by key and instant, and how it is asked.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};

use super::Matching;

/// Where no row matches.
const NONE: u32 = u32::MAX;

/// Instants by key, each with the place of its row.
#[derive(Debug)]
pub(super) struct AsofIndex {
    keys: Keys,
    /// `[keys + 1]`: where the instants of a key begin.
    offsets: Vec<u32>,
    /// Ascending within a key.
    instants: Vec<i64>,
}

impl AsofIndex {
    /// Builds the index of rows with these keys (none means one key for all) and instants, and says in which order the
    /// rows have to be laid down for it. `content` decides between rows of one key and one instant.
    pub(super) fn build(
        keys: &[ArrayRef],
        instants: &Int64Array,
        content: &[ArrayRef],
    ) -> Result<(Self, Vec<u32>), ArrowError> {
        let known = Keys::of(keys, instants.len())?;
        let numbers = known.numbers(keys, instants.len())?;
        let is_placed = |row: &usize| numbers[*row] != NONE && instants.is_valid(*row);
        let mut offsets = vec![0_u32; known.count() + 1];
        for row in (0..instants.len()).filter(is_placed) {
            offsets[numbers[row] as usize + 1] += 1;
        }
        for place in 1..offsets.len() {
            offsets[place] += offsets[place - 1];
        }
        let mut next = offsets.clone();
        let mut order = vec![0_u32; offsets.last().map_or(0, |end| *end as usize)];
        for row in (0..instants.len()).filter(is_placed) {
            let place = &mut next[numbers[row] as usize];
            order[*place as usize] = u32::try_from(row).map_err(|error| ArrowError::ComputeError(error.to_string()))?;
            *place += 1;
        }
        sort_within(&mut order, &offsets, instants, content)?;
        let sorted = order.iter().map(|row| instants.value(*row as usize)).collect();
        Ok((Self { keys: known, offsets, instants: sorted }, order))
    }

    /// How many keys there are.
    pub(super) fn key_count(&self) -> usize {
        self.keys.count()
    }

    /// The place of the row that matches each left row; `None` where none does. `cursors` is `[key_count]`, zero at first
    /// and to be handed back with the next batch: rows that come nearly in time order are found next to the last one.
    pub(super) fn probe(
        &self,
        keys: &[ArrayRef],
        instants: &Int64Array,
        matching: Matching,
        cursors: &mut [u32],
    ) -> Result<Vec<Option<u32>>, ArrowError> {
        let numbers = self.keys.numbers(keys, instants.len())?;
        let values = instants.values();
        let places = numbers.iter().enumerate().map(|(row, key)| {
            if *key == NONE || instants.is_null(row) {
                return None;
            }
            let key = *key as usize;
            let (start, end) = (self.offsets[key] as usize, self.offsets[key + 1] as usize);
            let (of_key, at) = (&self.instants[start..end], values[row]);
            let is_passed = |instant: i64| match matching {
                Matching::UpTo | Matching::After => instant <= at,
                Matching::Before | Matching::From => instant < at,
            };
            let passed = gallop(of_key, cursors[key] as usize, is_passed);
            #[expect(clippy::cast_possible_truncation, reason = "no longer than the offsets, which are `u32`")]
            {
                cursors[key] = passed as u32;
                match matching {
                    Matching::UpTo | Matching::Before => passed.checked_sub(1).map(|place| (start + place) as u32),
                    Matching::From | Matching::After => (passed < of_key.len()).then_some((start + passed) as u32),
                }
            }
        });
        Ok(places.collect())
    }
}

/// How many of `sorted` come first that `is_passed` holds for, found by ever longer steps from `near`.
fn gallop(sorted: &[i64], near: usize, is_passed: impl Fn(i64) -> bool) -> usize {
    let (mut low, mut high);
    let mut step = 1;
    if near < sorted.len() && is_passed(sorted[near]) {
        low = near + 1;
        high = low;
        while high < sorted.len() && is_passed(sorted[high]) {
            low = high + 1;
            high = (low + step).min(sorted.len());
            step *= 2;
        }
    } else {
        high = near.min(sorted.len());
        low = high;
        while low > 0 && !is_passed(sorted[low - 1]) {
            high = low - 1;
            low = high.saturating_sub(step);
            step *= 2;
        }
    }
    low + sorted[low..high].partition_point(|instant| is_passed(*instant))
}

/// Sorts the rows of each key by instant, then content.
fn sort_within(
    order: &mut [u32],
    offsets: &[u32],
    instants: &Int64Array,
    content: &[ArrayRef],
) -> Result<(), ArrowError> {
    let at = |row: u32| instants.value(row as usize);
    let mut has_ties = false;
    for bounds in offsets.windows(2) {
        let rows = &mut order[bounds[0] as usize..bounds[1] as usize];
        if !rows.is_sorted_by_key(|row| at(*row)) {
            rows.sort_by_key(|row| at(*row));
        }
        has_ties |= rows.windows(2).any(|pair| at(pair[0]) == at(pair[1]));
    }
    if !has_ties || content.is_empty() {
        return Ok(());
    }
    let rows_of = converter(content)?.convert_columns(content)?;
    for bounds in offsets.windows(2) {
        for tied in order[bounds[0] as usize..bounds[1] as usize].chunk_by_mut(|one, other| at(*one) == at(*other)) {
            tied.sort_by(|one, other| rows_of.row(*one as usize).cmp(&rows_of.row(*other as usize)));
        }
    }
    Ok(())
}

fn converter(columns: &[ArrayRef]) -> Result<RowConverter, ArrowError> {
    RowConverter::new(columns.iter().map(|column| SortField::new(column.data_type().clone())).collect())
}

/// Keys as numbers from 0.
#[derive(Debug)]
enum Keys {
    /// There is but one.
    One,
    /// One column of integers that lie close together: the number of each from the lowest on.
    Close { lowest: i64, numbers: Vec<u32>, count: usize },
    /// Whatever else, by the bytes of its row.
    Rows(HashMap<Box<[u8]>, u32>),
}

impl Keys {
    fn of(columns: &[ArrayRef], rows: usize) -> Result<Self, ArrowError> {
        if columns.is_empty() {
            return Ok(Self::One);
        }
        if let Some(integers) = integers(columns)? {
            let (lowest, highest) =
                (arrow::compute::min(&integers).unwrap_or(0), arrow::compute::max(&integers).unwrap_or(-1));
            let width = highest.checked_sub(lowest).and_then(|width| usize::try_from(width + 1).ok());
            if let Some(width) = width.filter(|width| *width <= 4 * rows + 1024) {
                return Ok(Self::close(&integers, lowest, width));
            }
        }
        let converted = converter(columns)?.convert_columns(columns)?;
        let mut numbers: HashMap<Box<[u8]>, u32> = HashMap::new();
        for row in (0..rows).filter(|row| columns.iter().all(|column| column.is_valid(*row))) {
            let next = u32::try_from(numbers.len()).map_err(|error| ArrowError::ComputeError(error.to_string()))?;
            let bytes = converted.row(row);
            if !numbers.contains_key(bytes.as_ref()) {
                numbers.insert(bytes.as_ref().into(), next);
            }
        }
        Ok(Self::Rows(numbers))
    }

    fn close(integers: &Int64Array, lowest: i64, width: usize) -> Self {
        let (mut numbers, mut count) = (vec![NONE; width], 0_u32);
        for value in integers.iter().flatten() {
            let number = usize::try_from(value - lowest).ok().and_then(|place| numbers.get_mut(place));
            if let Some(number) = number.filter(|number| **number == NONE) {
                *number = count;
                count += 1;
            }
        }
        Self::Close { lowest, numbers, count: count as usize }
    }

    fn count(&self) -> usize {
        match self {
            Self::One => 1,
            Self::Close { count, .. } => *count,
            Self::Rows(numbers) => numbers.len(),
        }
    }

    /// The number of the key of each row, or [`NONE`].
    fn numbers(&self, columns: &[ArrayRef], rows: usize) -> Result<Vec<u32>, ArrowError> {
        match self {
            Self::One => Ok(vec![0; rows]),
            Self::Close { lowest, numbers, .. } => {
                let integers = integers(columns)?.ok_or_else(|| differing(columns))?;
                let number = |value: i64| {
                    let place = value.checked_sub(*lowest).and_then(|place| usize::try_from(place).ok());
                    place.and_then(|place| numbers.get(place)).copied().unwrap_or(NONE)
                };
                Ok(match integers.nulls() {
                    None => integers.values().iter().map(|value| number(*value)).collect(),
                    Some(_) => integers.iter().map(|value| value.map_or(NONE, number)).collect(),
                })
            }
            Self::Rows(numbers) => {
                let converted = converter(columns)?.convert_columns(columns)?;
                let number = |row: usize| {
                    let is_key = columns.iter().all(|column| column.is_valid(row));
                    is_key.then(|| numbers.get(converted.row(row).as_ref())).flatten().copied().unwrap_or(NONE)
                };
                Ok((0..rows).map(number).collect())
            }
        }
    }
}

fn differing(columns: &[ArrayRef]) -> ArrowError {
    ArrowError::SchemaError(format!(
        "the keys of the two sides differ: {:?}",
        columns.iter().map(Array::data_type).collect::<Vec<_>>()
    ))
}

/// The one key column as 64-bit integers, where it is one column of signed integers.
fn integers(columns: &[ArrayRef]) -> Result<Option<Int64Array>, ArrowError> {
    match columns {
        [column] if column.data_type().is_signed_integer() => {
            Ok(cast(column, &DataType::Int64)?.as_primitive_opt::<Int64Type>().cloned())
        }
        _ => Ok(None),
    }
}
