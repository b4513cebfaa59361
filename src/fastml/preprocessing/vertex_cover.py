"""The fewest vertices of a graph that touch every edge: what to drop so that no pair remains.

What is left is an independent set, and the most that can be left is a maximum independent set;
with weights that put the count first, the one that weighs most. Exactly: a vertex whose neighbours
all know one another, and that weighs no less than any of them, may be taken at once (a clique
keeps one); what these steps leave is searched by branch and bound under a bound from cliques.

M. Lamm, C. Schulz, D. Strash, R. Williger, H. Zhang, "Exactly solving the maximum weight
independent set problem on large real-world graphs", ALENEX 2019 (the reductions used here are the
isolated-clique ones).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

__all__ = ["EXACT_SIZE", "independent_set"]

EXACT_SIZE = 72
"""Vertices of a component, after reductions, that are searched exactly (within half a second)."""


def independent_set(neighbours: Sequence[int], weights: Sequence[int]) -> tuple[int, bool]:
    """Return an independent set of the greatest weight.

    Parameters
    ----------
    neighbours : sequence of int
        For each vertex, the set of those it shares an edge with, as bits. Symmetric, no loops.
    weights : sequence of int
        Positive. Of equal sets the same one is always returned.

    Returns
    -------
    chosen : int
        The set, as bits.
    exact : bool
        False where a component was larger than `EXACT_SIZE` after reductions; there the set was
        found greedily and improved by exchanges, and may not be the best.
    """
    graph = _Graph(neighbours, weights)
    chosen, left = graph.reduce((1 << len(neighbours)) - 1)
    exact = True
    for component in graph.components(left):
        if component.bit_count() <= EXACT_SIZE:
            chosen |= graph.search(component)
        else:
            exact = False
            chosen |= graph.improve(graph.greedy(component), component)
    return chosen, exact


def _bits(vertices: int) -> Iterator[int]:
    while vertices:
        lowest = vertices & -vertices
        yield lowest.bit_length() - 1
        vertices ^= lowest


class _Graph:
    def __init__(self, neighbours: Sequence[int], weights: Sequence[int]) -> None:
        self.neighbours = neighbours
        self.weights = weights

    def weight(self, vertices: int) -> int:
        return sum(self.weights[v] for v in _bits(vertices))

    def components(self, within: int) -> Iterator[int]:
        while within:
            component, frontier = 0, within & -within
            while frontier:
                component |= frontier
                reached = 0
                for v in _bits(frontier):
                    reached |= self.neighbours[v]
                frontier = reached & within & ~component
            yield component
            within &= ~component

    def reduce(self, within: int) -> tuple[int, int]:
        """Take the vertices that some best set surely holds; return them and what is undecided."""
        chosen, changed = 0, within
        while changed:
            v = (changed & -changed).bit_length() - 1
            changed &= changed - 1
            near = self.neighbours[v] & within
            if not within >> v & 1 or not self._is_best_of_clique(v, near):
                continue
            chosen |= 1 << v
            within &= ~(near | 1 << v)
            for u in _bits(near):
                changed |= self.neighbours[u] & within
        return chosen, within

    def _is_best_of_clique(self, v: int, near: int) -> bool:
        return all(
            self.weights[u] <= self.weights[v] and not near & ~self.neighbours[u] & ~(1 << u)
            for u in _bits(near)
        )

    def search(self, within: int) -> int:
        """Return the heaviest independent set of `within`, by branch and bound."""
        best = self.improve(self.greedy(within), within)
        best_weight = self.weight(best)
        stack = [(0, 0, within)]
        while stack:
            chosen, chosen_weight, left = stack.pop()
            taken, left = self.reduce(left)
            chosen |= taken
            chosen_weight += self.weight(taken)
            if chosen_weight + self._bound(left) <= best_weight:
                continue
            if not left:
                best, best_weight = chosen, chosen_weight
                continue
            v = max(_bits(left), key=lambda v: ((self.neighbours[v] & left).bit_count(), -v))
            stack.append((chosen, chosen_weight, left & ~(1 << v)))
            with_v = left & ~self.neighbours[v] & ~(1 << v)
            stack.append((chosen | 1 << v, chosen_weight + self.weights[v], with_v))
        return best

    def _bound(self, within: int) -> int:
        """Return no less than the weight of any independent set: one vertex from each clique."""
        total = 0
        while within:
            v = (within & -within).bit_length() - 1
            heaviest, common = self.weights[v], self.neighbours[v] & within
            within &= ~(1 << v)
            while common:
                u = (common & -common).bit_length() - 1
                heaviest = max(heaviest, self.weights[u])
                within &= ~(1 << u)
                common &= self.neighbours[u]
            total += heaviest
        return total

    def greedy(self, within: int) -> int:
        """Take the vertex with the fewest neighbours left (of those, the heaviest), and repeat."""
        chosen = 0
        while within:
            v = min(
                _bits(within),
                key=lambda v: ((self.neighbours[v] & within).bit_count(), -self.weights[v], v),
            )
            chosen |= 1 << v
            within &= ~(self.neighbours[v] | 1 << v)
        return chosen

    def improve(self, chosen: int, within: int) -> int:
        """Exchange a chosen vertex for what weighs more among those that only it keeps out."""
        improved = True
        while improved:
            improved = False
            for v in _bits(chosen):
                others = chosen & ~(1 << v)
                freed = 0
                for u in _bits(self.neighbours[v] & within):
                    if not self.neighbours[u] & others:
                        freed |= 1 << u
                instead = self.greedy(freed)
                if self.weight(instead) > self.weights[v]:
                    chosen = others | instead
                    improved = True
                    break
        return chosen
