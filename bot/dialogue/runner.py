"""The prediction graph, run straight: the order is found once for each target instead of at each run."""

from __future__ import annotations

from typing import Any

from rasa.engine.graph import ExecutionContext, GraphNode, GraphNodeHook, GraphSchema
from rasa.engine.runner.interface import GraphRunner
from rasa.engine.storage.storage import ModelStorage


class StraightRunner(GraphRunner):  # type: ignore[misc]
    """Does what Rasa's DaskGraphRunner does, without a scheduler: our graphs are small and run in one thread."""

    def __init__(self, schema: GraphSchema, nodes: dict[str, GraphNode]) -> None:
        self._schema = schema
        self._nodes = nodes
        self._orders: dict[tuple[str, ...], list[str]] = {}

    @classmethod
    def create(
        cls,
        graph_schema: GraphSchema,
        model_storage: ModelStorage,
        execution_context: ExecutionContext,
        hooks: list[GraphNodeHook] | None = None,
    ) -> StraightRunner:
        def load(name: str) -> GraphNode:
            return GraphNode.from_schema_node(name, graph_schema.nodes[name], model_storage, execution_context, hooks)

        return cls(graph_schema, {name: load(name) for name in graph_schema.nodes})

    def run(self, inputs: dict[str, Any] | None = None, targets: list[str] | None = None) -> dict[str, Any]:
        wanted = tuple(targets or self._schema.target_names)
        outputs = dict(inputs or {})
        for name in self._order(wanted):
            needs = dict.fromkeys(self._schema.nodes[name].needs.values())
            outputs[name] = self._nodes[name](*((need, outputs[need]) for need in needs))[1]
        return {name: outputs[name] for name in wanted}

    def _order(self, targets: tuple[str, ...]) -> list[str]:
        if targets not in self._orders:
            self._orders[targets] = list(self._visit(targets, {}))
        return self._orders[targets]

    def _visit(self, names: tuple[str, ...], order: dict[str, None]) -> dict[str, None]:
        """Add to `order` what the named nodes need, then themselves; a name that is no node is an input of the run."""
        for name in names:
            if name in self._schema.nodes and name not in order:
                self._visit(tuple(self._schema.nodes[name].needs.values()), order)
                order[name] = None
        return order
