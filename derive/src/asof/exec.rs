//! The operator of `ASOF JOIN`.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::{cast, concat_batches, take, take_record_batch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, exec_datafusion_err, plan_err};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::physical_expr::{Distribution, EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::projection::{EmbeddedProjection, ProjectionExec, try_embed_projection};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, InputDistributionRequirements, Partitioning,
    PlanProperties, SendableRecordBatchStream, common,
};
use futures::{StreamExt, TryStreamExt};
use tokio::sync::OnceCell;

use super::Matching;
use super::index::AsofIndex;

type Expr = Arc<dyn PhysicalExpr>;

/// Looks up each row of the left plan, partition by partition, in the right plan, which is held whole.
#[derive(Debug)]
pub(super) struct AsofExec {
    left: Arc<dyn ExecutionPlan>,
    right: Arc<dyn ExecutionPlan>,
    keys: Vec<(Expr, Expr)>,
    at: (Expr, Expr),
    matching: Matching,
    /// Which columns come out, of the left then the right plan.
    projection: Vec<usize>,
    schema: SchemaRef,
    /// Filled by whichever partition comes first.
    held: Arc<OnceCell<Arc<Held>>>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

/// The right plan's rows in the order of its index.
#[derive(Debug)]
struct Held {
    index: AsofIndex,
    rows: RecordBatch,
    _reservation: MemoryReservation,
}

impl AsofExec {
    pub(super) fn new(
        left: Arc<dyn ExecutionPlan>,
        right: Arc<dyn ExecutionPlan>,
        keys: Vec<(Expr, Expr)>,
        at: (Expr, Expr),
        matching: Matching,
    ) -> Result<Self> {
        let types = (at.0.data_type(&left.schema())?, at.1.data_type(&right.schema())?);
        if types.0 != types.1 || !(types.0.is_temporal() || types.0.is_signed_integer()) {
            return plan_err!("an ASOF JOIN compares instants of one type, not {} and {}", types.0, types.1);
        }
        let width = left.schema().fields().len() + right.schema().fields().len();
        Ok(Self::projected(left, right, keys, at, matching, (0..width).collect()))
    }

    fn projected(
        left: Arc<dyn ExecutionPlan>,
        right: Arc<dyn ExecutionPlan>,
        keys: Vec<(Expr, Expr)>,
        at: (Expr, Expr),
        matching: Matching,
        projection: Vec<usize>,
    ) -> Self {
        let schema = schema(&left.schema(), &right.schema(), &projection);
        let partitions = left.output_partitioning().partition_count();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema.clone()),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            left,
            right,
            keys,
            at,
            matching,
            projection,
            schema,
            held: Arc::default(),
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    /// Reads the right plan and sorts it.
    async fn hold(&self, context: Arc<TaskContext>) -> Result<Arc<Held>> {
        let reservation = MemoryConsumer::new("AsofJoin").register(context.memory_pool());
        let batches = common::collect(self.right.execute(0, context)?).await?;
        let rows = concat_batches(&self.right.schema(), &batches)?;
        reservation.try_grow(2 * rows.get_array_memory_size())?;
        drop(batches);
        let keys = values(self.keys.iter().map(|(_, right)| right), &rows)?;
        let instants = instants(&self.at.1, &rows)?;
        let (index, order) = AsofIndex::build(&keys, &instants, rows.columns())?;
        let rows = take_record_batch(&rows, &UInt32Array::from(order))?;
        Ok(Arc::new(Held { index, rows, _reservation: reservation }))
    }

    /// What one batch of the left becomes.
    fn matched(&self, held: &Held, batch: &RecordBatch, cursors: &mut Vec<u32>) -> Result<RecordBatch> {
        cursors.resize(held.index.key_count(), 0);
        let keys = values(self.keys.iter().map(|(left, _)| left), batch)?;
        let places = held.index.probe(&keys, &instants(&self.at.0, batch)?, self.matching, cursors)?;
        let places = UInt32Array::from(places);
        let width = batch.num_columns();
        let column = |place: &usize| match place.checked_sub(width) {
            None => Ok(batch.column(*place).clone()),
            Some(place) => take(held.rows.column(place), &places, None),
        };
        let columns = self.projection.iter().map(column).collect::<Result<Vec<_>, _>>()?;
        let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(self.schema.clone(), columns, &rows)?)
    }

    fn like(&self, left: Arc<dyn ExecutionPlan>, right: Arc<dyn ExecutionPlan>) -> Self {
        let (keys, at, projection) = (self.keys.clone(), self.at.clone(), self.projection.clone());
        Self::projected(left, right, keys, at, self.matching, projection)
    }
}

/// The columns that come out; those of the right plan may be null.
fn schema(left: &Schema, right: &Schema, projection: &[usize]) -> SchemaRef {
    let width = left.fields().len();
    let field = |place: &usize| match place.checked_sub(width) {
        None => left.field(*place).clone(),
        Some(place) => right.field(place).clone().with_nullable(true),
    };
    Arc::new(Schema::new(projection.iter().map(field).collect::<Vec<Field>>()))
}

fn values<'a>(exprs: impl Iterator<Item = &'a Expr>, batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
    exprs.map(|expr| expr.evaluate(batch)?.into_array(batch.num_rows())).collect()
}

/// Instants, or whatever counts them, as 64-bit integers.
fn instants(expr: &Expr, batch: &RecordBatch) -> Result<Int64Array> {
    let column = expr.evaluate(batch)?.into_array(batch.num_rows())?;
    let column = if column.data_type() == &DataType::Date32 { cast(&column, &DataType::Int32)? } else { column };
    let column = cast(&column, &DataType::Int64)?;
    column.as_primitive_opt::<Int64Type>().cloned().ok_or_else(|| exec_datafusion_err!("instants are integers"))
}

impl DisplayAs for AsofExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AsofExec: {:?} left={} right={}", self.matching, self.at.0, self.at.1)?;
        self.keys.iter().try_for_each(|(left, right)| write!(f, ", {left} = {right}"))
    }
}

impl ExecutionPlan for AsofExec {
    fn name(&self) -> &'static str {
        "AsofExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.left, &self.right]
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![Distribution::UnspecifiedDistribution, Distribution::SinglePartition])
    }

    fn apply_expressions(&self, f: &mut dyn FnMut(&Expr) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion> {
        for (left, right) in self.keys.iter().chain(std::iter::once(&self.at)) {
            for expr in [left, right] {
                if f(expr)? == TreeNodeRecursion::Stop {
                    return Ok(TreeNodeRecursion::Stop);
                }
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match <[Arc<dyn ExecutionPlan>; 2]>::try_from(children) {
            Ok([left, right]) => Ok(Arc::new(self.like(left, right))),
            Err(children) => plan_err!("an ASOF JOIN has two inputs, not {}", children.len()),
        }
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        use datafusion::physical_plan::execution_plan::ChildrenPropertiesMode;
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(self.like(self.left.clone(), self.right.clone())))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let own = Arc::new(Self {
            held: self.held.clone(),
            metrics: self.metrics.clone(),
            ..self.like(self.left.clone(), self.right.clone())
        });
        let left = self.left.execute(partition, context.clone())?;
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let batches = async move {
            let held = own.held.get_or_try_init(|| own.hold(context)).await?.clone();
            let mut cursors = Vec::new();
            let matched = left.map(move |batch| {
                let batch = batch?;
                let _timer = metrics.elapsed_compute().timer();
                let matched = own.matched(&held, &batch, &mut cursors)?;
                metrics.record_output(matched.num_rows());
                Ok(matched)
            });
            Ok::<_, DataFusionError>(matched)
        };
        let stream = futures::stream::once(batches).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), stream)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn try_swapping_with_projection(&self, projection: &ProjectionExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        try_embed_projection(projection, self)
    }
}

impl EmbeddedProjection for AsofExec {
    fn with_projection(&self, projection: Option<Vec<usize>>) -> Result<Self> {
        let mut own = self.like(self.left.clone(), self.right.clone());
        if let Some(places) = projection {
            let projection = places.iter().map(|place| self.projection[*place]).collect();
            own = Self::projected(own.left, own.right, own.keys, own.at, own.matching, projection);
        }
        Ok(own)
    }
}
