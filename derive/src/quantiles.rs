//! `exact_quantiles(value, probability, …)`: quantiles of many groups at once, exact, in one pass.
//!
//! What comes in is appended to one log of group and value. Only when the groups are asked for are the values laid down
//! group by group, by counting, and each group is sorted: no group keeps a vector of its own, and what stays in memory
//! is 8 bytes per value as long as all of them are whole numbers of 32 bits, which seconds usually are, else 12.
//!
//! The answer is a list with one quantile for each probability, by linear interpolation (type 7 of Hyndman and Fan), null
//! for a group without values. Nulls are not counted; a value that is not finite is an error.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, FixedSizeListArray, Float64Array, ListArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, exec_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};
use datafusion::prelude::SessionContext;

use crate::estimators::{probabilities, reals};

#[cfg(test)]
mod tests;

/// Makes `exact_quantiles` known to a session.
pub(crate) fn register_exact_quantiles(context: &SessionContext) {
    context.register_udaf(AggregateUDF::new_from_impl(ExactQuantiles {
        signature: Signature::variadic_any(Volatility::Immutable),
    }));
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ExactQuantiles {
    signature: Signature,
}

impl AggregateUDFImpl for ExactQuantiles {
    fn name(&self) -> &'static str {
        "exact_quantiles"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments {
            [value, _, ..] if value.is_numeric() => {
                let width = i32::try_from(arguments.len() - 1).map_err(|error| exec_datafusion_err!("{error}"))?;
                Ok(DataType::FixedSizeList(quantile_field(), width))
            }
            _ => plan_err!("exact_quantiles takes a number and one probability or more"),
        }
    }

    fn accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(One(GroupLog::new(probabilities(self.name(), &arguments, 1)?))))
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(GroupLog::new(probabilities(self.name(), &arguments, 1)?)))
    }

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new_list(format!("{}_values", arguments.name), value_field(), true))])
    }
}

fn quantile_field() -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Float64, true))
}

fn value_field() -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Float64, false))
}

/// The values of many groups, in the order in which they came.
#[derive(Debug)]
struct GroupLog {
    probabilities: Vec<f64>,
    /// The group of each value.
    groups: Vec<u32>,
    values: Values,
    group_count: usize,
}

/// Values as narrow as they can be kept without a loss.
#[derive(Debug)]
enum Values {
    Whole(Vec<u32>),
    Real(Vec<f64>),
}

impl Values {
    fn push(&mut self, value: f64) {
        match (self.narrow(value), &mut *self) {
            (Some(whole), Self::Whole(values)) => values.push(whole),
            (_, Self::Real(values)) => values.push(value),
            (None, Self::Whole(values)) => {
                let mut wide: Vec<f64> = values.iter().copied().map(f64::from).collect();
                wide.push(value);
                *self = Self::Real(wide);
            }
        }
    }

    fn narrow(&self, value: f64) -> Option<u32> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "what does not fit differs after it"
        )]
        let whole = value as u32;
        // By their bits, so that the negative zero stays one.
        (matches!(self, Self::Whole(_)) && f64::from(whole).to_bits() == value.to_bits()).then_some(whole)
    }

    fn at(&self, place: usize) -> f64 {
        match self {
            Self::Whole(values) => f64::from(values[place]),
            Self::Real(values) => values[place],
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Whole(values) => values.capacity() * size_of::<u32>(),
            Self::Real(values) => values.capacity() * size_of::<f64>(),
        }
    }
}

impl GroupLog {
    fn new(probabilities: Vec<f64>) -> Self {
        Self { probabilities, groups: Vec::new(), values: Values::Whole(Vec::new()), group_count: 0 }
    }

    fn push(&mut self, group: usize, value: f64) -> Result<()> {
        if !value.is_finite() {
            return exec_err!("exact_quantiles met {value}: every value must be finite");
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the engine numbers groups by what fits in memory; checked on entry"
        )]
        self.groups.push(group as u32);
        self.values.push(value);
        Ok(())
    }

    fn make_room(&mut self, group_count: usize) -> Result<()> {
        self.group_count = group_count;
        u32::try_from(group_count)
            .map_err(|error| exec_datafusion_err!("{group_count} groups are too many: {error}"))?;
        Ok(())
    }

    /// Takes the values of the groups that are asked for out of the log; the groups that stay move up.
    fn take(&mut self, emit_to: EmitTo) -> Result<Groups> {
        let taken = match emit_to {
            EmitTo::All => self.group_count,
            EmitTo::First(count) => count.min(self.group_count),
        };
        self.group_count -= taken;
        let groups = std::mem::take(&mut self.groups);
        let values = std::mem::replace(&mut self.values, Values::Whole(Vec::new()));
        let mut offsets = vec![0_usize; taken + 1];
        for group in groups.iter().filter(|group| (**group as usize) < taken) {
            offsets[*group as usize + 1] += 1;
        }
        for place in 1..offsets.len() {
            offsets[place] += offsets[place - 1];
        }
        let laid = match &values {
            Values::Whole(values) => Values::Whole(lay_down(&groups, values, &offsets)),
            Values::Real(values) => Values::Real(lay_down(&groups, values, &offsets)),
        };
        for (place, group) in groups.iter().enumerate().filter(|(_, group)| **group as usize >= taken) {
            self.push(*group as usize - taken, values.at(place))?;
        }
        Ok(Groups { offsets, values: laid })
    }
}

/// Values in the order of their groups: those of group `g` from `offsets[g]` on, in the order in which they came.
fn lay_down<T: Copy + Default>(groups: &[u32], values: &[T], offsets: &[usize]) -> Vec<T> {
    let last = offsets.len() - 1;
    let (mut next, mut laid) = (offsets.to_vec(), vec![T::default(); offsets[last]]);
    for (group, value) in groups.iter().zip(values) {
        if (*group as usize) < last {
            let place = &mut next[*group as usize];
            laid[*place] = *value;
            *place += 1;
        }
    }
    laid
}

/// Values group by group.
struct Groups {
    offsets: Vec<usize>,
    values: Values,
}

impl Groups {
    /// One list of quantiles for each group.
    fn quantiles(mut self, probabilities: &[f64]) -> Result<ArrayRef> {
        let mut quantiles = Vec::with_capacity((self.offsets.len() - 1) * probabilities.len());
        let mut has_values = Vec::with_capacity(self.offsets.len() - 1);
        for bounds in self.offsets.windows(2) {
            let (start, end) = (bounds[0], bounds[1]);
            has_values.push(start < end);
            if start == end {
                quantiles.extend(probabilities.iter().map(|_| 0.0));
                continue;
            }
            match &mut self.values {
                Values::Whole(values) => {
                    let values = &mut values[start..end];
                    values.sort_unstable();
                    append(&mut quantiles, values, probabilities)?;
                }
                Values::Real(values) => {
                    let values = &mut values[start..end];
                    values.sort_unstable_by(f64::total_cmp);
                    append(&mut quantiles, values, probabilities)?;
                }
            }
        }
        let width = i32::try_from(probabilities.len()).map_err(|error| exec_datafusion_err!("{error}"))?;
        let nulls = Some(NullBuffer::from(has_values));
        let values = Arc::new(Float64Array::from(quantiles));
        Ok(Arc::new(FixedSizeListArray::try_new(quantile_field(), width, values, nulls)?))
    }

    /// One list of values for each group.
    fn lists(self) -> Result<ListArray> {
        let offsets = self.offsets.iter().map(|offset| i32::try_from(*offset)).collect::<Result<Vec<_>, _>>();
        let offsets =
            offsets.map_err(|error| exec_datafusion_err!("too many values in one part of the data: {error}"))?;
        let values: Vec<f64> = match self.values {
            Values::Whole(values) => values.into_iter().map(f64::from).collect(),
            Values::Real(values) => values,
        };
        let values = Arc::new(Float64Array::from(values));
        Ok(ListArray::try_new(value_field(), OffsetBuffer::new(offsets.into()), values, None)?)
    }
}

fn append<T: Copy + Into<f64>>(quantiles: &mut Vec<f64>, sorted: &[T], probabilities: &[f64]) -> Result<()> {
    for probability in probabilities {
        let quantile = stats::quantile_of_sorted(sorted, *probability);
        quantiles.push(quantile.map_err(|error| exec_datafusion_err!("exact_quantiles: {error}"))?);
    }
    Ok(())
}

impl GroupsAccumulator for GroupLog {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        group_count: usize,
    ) -> Result<()> {
        self.make_room(group_count)?;
        let column = reals(&values[0])?;
        self.groups.reserve(column.len());
        let is_wanted = |row: usize| filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
        for (row, (group, value)) in group_indices.iter().zip(column.values()).enumerate() {
            if column.is_valid(row) && is_wanted(row) {
                self.push(*group, *value)?;
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef], group_indices: &[usize], group_count: usize) -> Result<()> {
        self.make_room(group_count)?;
        let lists = states[0].as_list::<i32>();
        let values = reals(lists.values())?;
        for (row, group) in group_indices.iter().enumerate().filter(|(row, _)| lists.is_valid(*row)) {
            let bounds = lists.value_offsets();
            #[expect(clippy::cast_sign_loss, reason = "offsets of a list are not negative")]
            for value in &values.values()[bounds[row] as usize..bounds[row + 1] as usize] {
                self.push(*group, *value)?;
            }
        }
        Ok(())
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![Arc::new(self.take(emit_to)?.lists()?)])
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.take(emit_to)?.quantiles(&self.probabilities)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let mut single = Self::new(Vec::new());
        let rows = values[0].len();
        let each: Vec<usize> = (0..rows).collect();
        single.update_batch(&values[..1], &each, filter, rows)?;
        single.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.groups.capacity() * size_of::<u32>() + self.values.size()
    }
}

/// The same for a query without groups.
#[derive(Debug)]
struct One(GroupLog);

impl Accumulator for One {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.update_batch(values, &vec![0; values[0].len()], None, 1)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.merge_batch(states, &vec![0; states[0].len()], 1)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.0.make_room(1)?;
        Ok(vec![ScalarValue::List(Arc::new(self.0.take(EmitTo::All)?.lists()?))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.0.make_room(1)?;
        ScalarValue::try_from_array(&self.0.evaluate(EmitTo::All)?, 0)
    }

    fn size(&self) -> usize {
        size_of_val(self) + GroupsAccumulator::size(&self.0)
    }
}
