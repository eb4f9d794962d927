//! The operator of `ASOF JOIN`.

use std::fmt;
use std::sync::{Arc, OnceLock};

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::{cast, concat_batches, take, take_record_batch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, exec_datafusion_err, plan_err};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::physical_expr::{Distribution, EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{
    Boundedness, ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::projection::{EmbeddedProjection, ProjectionExec, try_embed_projection};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, InputDistributionRequirements, Partitioning,
    PlanProperties, SendableRecordBatchStream, common,
};
use futures::future::{BoxFuture, Shared};
use futures::{FutureExt, StreamExt, TryFutureExt};

use super::Matching;
use super::index::AsofIndex;

type Expr = Arc<dyn PhysicalExpr>;

/// What two rows have to have in common, each as an expression of the left and of the right plan.
#[derive(Debug)]
pub(super) struct Condition {
    pub(super) keys: Vec<(Expr, Expr)>,
    pub(super) at: (Expr, Expr),
    pub(super) matching: Matching,
}

impl Condition {
    /// Keys first, then instants.
    fn pairs(&self) -> impl Iterator<Item = &(Expr, Expr)> {
        self.keys.iter().chain(std::iter::once(&self.at))
    }
}

/// The right plan as it is read once for all partitions: whichever is asked drives it on, so none waits for another.
type Holding = Shared<BoxFuture<'static, std::result::Result<Arc<Held>, Arc<DataFusionError>>>>;

/// Looks up each row of the left plan, partition by partition, in the right plan, which is held whole.
#[derive(Debug)]
pub(super) struct AsofExec {
    left: Arc<dyn ExecutionPlan>,
    right: Arc<dyn ExecutionPlan>,
    condition: Arc<Condition>,
    /// Which columns come out, of the left then the right plan.
    projection: Arc<[usize]>,
    schema: SchemaRef,
    holding: Arc<OnceLock<Holding>>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl AsofExec {
    pub(super) fn new(
        left: Arc<dyn ExecutionPlan>,
        right: Arc<dyn ExecutionPlan>,
        condition: Condition,
    ) -> Result<Self> {
        let at = &condition.at;
        let types = (at.0.data_type(&left.schema())?, at.1.data_type(&right.schema())?);
        if types.0 != types.1 || !(types.0.is_temporal() || types.0.is_signed_integer()) {
            return plan_err!("an ASOF JOIN compares instants of one type, not {} and {}", types.0, types.1);
        }
        let width = left.schema().fields().len() + right.schema().fields().len();
        Ok(Self::projected(left, right, Arc::new(condition), (0..width).collect()))
    }

    /// A plan that has read nothing yet.
    fn projected(
        left: Arc<dyn ExecutionPlan>,
        right: Arc<dyn ExecutionPlan>,
        condition: Arc<Condition>,
        projection: Arc<[usize]>,
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
            condition,
            projection,
            schema,
            holding: Arc::default(),
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }
}

/// The right plan's rows in the order of its index.
#[derive(Debug)]
struct Held {
    index: AsofIndex,
    rows: RecordBatch,
    _reservation: MemoryReservation,
}

/// Reads the right plan and sorts it.
async fn hold(right: Arc<dyn ExecutionPlan>, condition: Arc<Condition>, context: Arc<TaskContext>) -> Result<Held> {
    let reservation = MemoryConsumer::new("AsofJoin").register(context.memory_pool());
    let batches = common::collect(right.execute(0, context)?).await?;
    let rows = concat_batches(&right.schema(), &batches)?;
    reservation.try_grow(2 * rows.get_array_memory_size())?;
    drop(batches);
    let keys = values(condition.keys.iter().map(|(_, right)| right), &rows)?;
    let (index, order) = AsofIndex::build(&keys, &instants(&condition.at.1, &rows)?, rows.columns())?;
    let rows = take_record_batch(&rows, &UInt32Array::from(order))?;
    Ok(Held { index, rows, _reservation: reservation })
}

/// One partition of the left on its way past what is held.
struct Passing {
    held: Arc<Held>,
    condition: Arc<Condition>,
    projection: Arc<[usize]>,
    schema: SchemaRef,
    /// Where each key was found last.
    cursors: Vec<u32>,
}

impl Passing {
    /// What one batch of the left becomes.
    fn matched(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let Self { held, condition, .. } = self;
        let keys = values(condition.keys.iter().map(|(left, _)| left), batch)?;
        let instants = instants(&condition.at.0, batch)?;
        let places = UInt32Array::from(held.index.probe(&keys, &instants, condition.matching, &mut self.cursors)?);
        let width = batch.num_columns();
        let column = |place: &usize| match place.checked_sub(width) {
            None => Ok(batch.column(*place).clone()),
            Some(place) => take(held.rows.column(place), &places, None),
        };
        let columns = self.projection.iter().map(column).collect::<Result<Vec<_>, _>>()?;
        let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(self.schema.clone(), columns, &rows)?)
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
        let Condition { keys, at, matching } = &*self.condition;
        write!(f, "AsofExec: {matching:?} left={} right={}", at.0, at.1)?;
        keys.iter().try_for_each(|(left, right)| write!(f, ", {left} = {right}"))
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
        for (left, right) in self.condition.pairs() {
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
            Ok([left, right]) => {
                Ok(Arc::new(Self::projected(left, right, self.condition.clone(), self.projection.clone())))
            }
            Err(children) => plan_err!("an ASOF JOIN has two inputs, not {}", children.len()),
        }
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let left = self.left.execute(partition, context.clone())?;
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let held = hold(self.right.clone(), self.condition.clone(), context);
        let held = held.map_ok(Arc::new).map_err(Arc::new);
        let holding = self.holding.get_or_init(|| held.boxed().shared()).clone();
        let (condition, projection, schema) = (self.condition.clone(), self.projection.clone(), self.schema.clone());
        let batches = holding.map_err(DataFusionError::Shared).map_ok(move |held| {
            let cursors = vec![0; held.index.key_count()];
            let mut passing = Passing { held, condition, projection, schema, cursors };
            left.map(move |batch| {
                let batch = batch?;
                let _timer = metrics.elapsed_compute().timer();
                let matched = passing.matched(&batch)?;
                metrics.record_output(matched.num_rows());
                Ok(matched)
            })
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), batches.try_flatten_stream())))
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
        let projection = match projection {
            Some(places) => places.iter().map(|place| self.projection[*place]).collect(),
            None => self.projection.clone(),
        };
        Ok(Self::projected(self.left.clone(), self.right.clone(), self.condition.clone(), projection))
    }
}
