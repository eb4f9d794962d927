//! From `ASOF JOIN` in SQL to its operator.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::{DFSchema, DFSchemaRef, Result, not_impl_err, plan_datafusion_err, plan_err};
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::planner::{PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning};
use datafusion::logical_expr::type_coercion::binary::comparison_coercion;
use datafusion::logical_expr::utils::split_conjunction_owned;
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, Extension, JoinType, LogicalPlan, Operator, UserDefinedLogicalNode,
    UserDefinedLogicalNodeCore, build_join_schema, cast,
};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};
use datafusion::sql::sqlparser::ast;

use super::Matching;
use super::exec::{AsofExec, Condition};

/// Reads parenthesised `ASOF JOIN`s.
#[derive(Debug)]
pub(super) struct Relations;

impl RelationPlanner for Relations {
    fn plan_relation(
        &self,
        relation: ast::TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let ast::TableFactor::NestedJoin { table_with_joins, alias } = relation else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let is_asof = |join: &ast::Join| matches!(join.join_operator, ast::JoinOperator::AsOf { .. });
        if !table_with_joins.joins.iter().any(is_asof) {
            return Ok(RelationPlanning::Original(Box::new(ast::TableFactor::NestedJoin { table_with_joins, alias })));
        }
        let ast::TableWithJoins { relation, joins } = *table_with_joins;
        let mut plan = context.plan(relation)?;
        for join in joins {
            let ast::JoinOperator::AsOf { match_condition, constraint } = join.join_operator else {
                return not_impl_err!("an ASOF JOIN stands alone in its parentheses: put other joins outside of them");
            };
            let right = context.plan(join.relation)?;
            plan = joined(plan, right, match_condition, constraint, context)?;
        }
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias))))
    }
}

fn joined(
    left: LogicalPlan,
    right: LogicalPlan,
    condition: ast::Expr,
    constraint: ast::JoinConstraint,
    context: &mut dyn RelationPlannerContext,
) -> Result<LogicalPlan> {
    let both = left.schema().join(right.schema())?;
    let condition = context.sql_to_expr(condition, &both)?;
    let pairs = match constraint {
        ast::JoinConstraint::None => Vec::new(),
        ast::JoinConstraint::On(on) => split_conjunction_owned(context.sql_to_expr(on, &both)?),
        _ => return not_impl_err!("an ASOF JOIN names its keys by ON"),
    };
    let sides = Sides { left: left.schema().clone(), right: right.schema().clone() };
    let keys = pairs.into_iter().map(|pair| sides.key(pair)).collect::<Result<Vec<_>>>()?;
    let (at, matching) = sides.instants(condition)?;
    let schema = Arc::new(build_join_schema(left.schema(), right.schema(), &JoinType::Left)?);
    let node = Asof { left, right, keys, at, matching, schema };
    Ok(LogicalPlan::Extension(Extension { node: Arc::new(node) }))
}

/// The two relations whose columns conditions may name.
struct Sides {
    left: DFSchemaRef,
    right: DFSchemaRef,
}

impl Sides {
    /// The two sides of an equality, the left one first.
    fn key(&self, pair: Expr) -> Result<(Expr, Expr)> {
        match pair {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
                let (one, other, _) = self.ordered(*left, *right)?;
                self.of_one_type(one, other)
            }
            other => plan_err!("the keys of an ASOF JOIN are equalities, not `{other}`"),
        }
    }

    /// The two instants of the match condition, the left one first, and what it says of them.
    fn instants(&self, condition: Expr) -> Result<((Expr, Expr), Matching)> {
        let Expr::BinaryExpr(BinaryExpr { left, op, right }) = condition else {
            return plan_err!("the match condition of an ASOF JOIN compares two instants, not `{condition}`");
        };
        let (one, other, is_swapped) = self.ordered(*left, *right)?;
        let seen_from_left = if is_swapped { op.swap() } else { Some(op) };
        let matching = match seen_from_left {
            Some(Operator::GtEq) => Matching::UpTo,
            Some(Operator::Gt) => Matching::Before,
            Some(Operator::LtEq) => Matching::From,
            Some(Operator::Lt) => Matching::After,
            _ => return plan_err!("the match condition of an ASOF JOIN compares by >=, >, <= or <, not by {op}"),
        };
        Ok((self.of_one_type(one, other)?, matching))
    }

    /// The expression of the left relation, that of the right one, and whether they stood the other way round.
    fn ordered(&self, one: Expr, other: Expr) -> Result<(Expr, Expr, bool)> {
        let is_of = |expr: &Expr, schema: &DFSchema| expr.column_refs().iter().all(|column| schema.has_column(column));
        if is_of(&one, &self.left) && is_of(&other, &self.right) {
            Ok((one, other, false))
        } else if is_of(&other, &self.left) && is_of(&one, &self.right) {
            Ok((other, one, true))
        } else {
            plan_err!("`{one}` and `{other}` do not belong to one side of the ASOF JOIN each")
        }
    }

    fn of_one_type(&self, left: Expr, right: Expr) -> Result<(Expr, Expr)> {
        let (one, other) = (left.get_type(self.left.as_ref())?, right.get_type(self.right.as_ref())?);
        if one == other {
            return Ok((left, right));
        }
        let common = comparison_coercion(&one, &other)
            .ok_or_else(|| plan_datafusion_err!("`{left}` is of type {one} and `{right}` of type {other}"))?;
        let as_common = |expr: Expr, own| if own == common { expr } else { cast(expr, common.clone()) };
        Ok((as_common(left, one), as_common(right, other)))
    }
}

/// The join in a logical plan: a row of the left relation, with the columns of its match.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Asof {
    left: LogicalPlan,
    right: LogicalPlan,
    /// What has to be equal, of the left and of the right.
    keys: Vec<(Expr, Expr)>,
    /// The instants, of the left and of the right.
    at: (Expr, Expr),
    matching: Matching,
    schema: DFSchemaRef,
}

impl PartialOrd for Asof {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let parts = |node: &Self| (node.keys.clone(), node.at.clone(), node.matching);
        parts(self).partial_cmp(&parts(other)).filter(|order| order.is_ne() || self == other)
    }
}

impl UserDefinedLogicalNodeCore for Asof {
    fn name(&self) -> &'static str {
        "AsofJoin"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.left, &self.right]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        let pairs = self.keys.iter().chain(std::iter::once(&self.at));
        pairs.flat_map(|(left, right)| [left.clone(), right.clone()]).collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { keys, at, matching, .. } = self;
        write!(f, "AsofJoin: {matching:?} left={} right={}", at.0, at.1)?;
        keys.iter().try_for_each(|(left, right)| write!(f, ", {left} = {right}"))
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let [left, right] = <[LogicalPlan; 2]>::try_from(inputs)
            .map_err(|inputs| plan_datafusion_err!("an ASOF JOIN has two inputs, not {}", inputs.len()))?;
        let mut exprs = exprs.into_iter();
        let mut keys = Vec::new();
        while let (Some(one), Some(other)) = (exprs.next(), exprs.next()) {
            keys.push((one, other));
        }
        let at = keys.pop().ok_or_else(|| plan_datafusion_err!("an ASOF JOIN compares instants"))?;
        let schema = Arc::new(build_join_schema(left.schema(), right.schema(), &JoinType::Left)?);
        Ok(Self { left, right, keys, at, matching: self.matching, schema })
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let width = self.left.schema().fields().len();
        let (mut left, mut right): (Vec<usize>, Vec<usize>) = output_columns.iter().partition(|place| **place < width);
        for place in &mut right {
            *place -= width;
        }
        let pairs = || self.keys.iter().chain(std::iter::once(&self.at));
        let named = |expr: &Expr, schema: &DFSchema| -> Option<Vec<usize>> {
            expr.column_refs().into_iter().map(|column| schema.maybe_index_of_column(column)).collect()
        };
        for (one, other) in pairs() {
            left.extend(named(one, self.left.schema())?);
            right.extend(named(other, self.right.schema())?);
        }
        for places in [&mut left, &mut right] {
            places.sort_unstable();
            places.dedup();
        }
        Some(vec![left, right])
    }
}

/// Plans queries as the engine does, and `ASOF JOIN`.
#[derive(Debug)]
pub(super) struct Planner;

#[async_trait]
impl QueryPlanner for Planner {
    async fn create_physical_plan(
        &self,
        logical_plan: &LogicalPlan,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(Self)])
            .create_physical_plan(logical_plan, session)
            .await
    }
}

#[async_trait]
impl ExtensionPlanner for Planner {
    async fn plan_extension(
        &self,
        planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        logical_inputs: &[&LogicalPlan],
        physical_inputs: &[Arc<dyn ExecutionPlan>],
        session: &dyn Session,
        planning: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let (Some(node), [left, right], [left_plan, right_plan]) =
            (node.as_any().downcast_ref::<Asof>(), logical_inputs, physical_inputs)
        else {
            return Ok(None);
        };
        let physical = |(one, other): &(Expr, Expr)| {
            Ok((
                planner.create_physical_expr(one, left.schema(), session, planning)?,
                planner.create_physical_expr(other, right.schema(), session, planning)?,
            ))
        };
        let keys = node.keys.iter().map(physical).collect::<Result<Vec<_>>>()?;
        let at = physical(&node.at)?;
        let condition = Condition { keys, at, matching: node.matching };
        Ok(Some(Arc::new(AsofExec::new(left_plan.clone(), right_plan.clone(), condition)?)))
    }
}
