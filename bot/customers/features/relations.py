"""What views read: events and traits of persons as they were known at a moment, and the persons.

`events` and `traits` are cut by both times: what happened before `:observed_at` and was known before it in this form; a later correction
is not seen, and neither is an event that is older than the view's ttl or of another kind. `later` is for the label only: what happened from
`:observed_at` to `:until`, in the form known today. Whoever was merged is the person whose record is kept. `people` are those who do not
object to profiling.
"""

from __future__ import annotations

from bot.customers.features.registry import View

_EVENTS = """
SELECT
    COALESCE(m.merged_into, e.customer_id) AS customer_id, e.kind, e.at, e.amount_minor, e.currency, e.value, e.ref
FROM customer_events AS e
LEFT JOIN customers AS m ON m.id = e.customer_id AND m.merged_into IS NOT NULL
"""

_KNOWN = """
WHERE e.at < :observed_at
    AND e.created_at < :observed_at
    AND (e.superseded_at IS NULL OR e.superseded_at >= :observed_at)
    AND NOT e.withdrawn
"""

_LATER = """
WHERE e.at >= :observed_at
    AND e.at < :until
    AND e.superseded_at IS NULL
    AND NOT e.withdrawn
"""

_TRAITS = """
SELECT
    COALESCE(m.merged_into, e.customer_id) AS customer_id, e.name, e.value, e.at
FROM customer_traits AS e
LEFT JOIN customers AS m ON m.id = e.customer_id AND m.merged_into IS NOT NULL
WHERE e.at < :observed_at
    AND e.created_at < :observed_at
    AND (e.superseded_at IS NULL OR e.superseded_at >= :observed_at)
"""

# A person objects who does so under any of their records.
_PEOPLE = """
SELECT
    COALESCE(e.merged_into, e.id) AS customer_id,
    MIN(COALESCE(s.registered_at, e.created_at)) AS registered_at
FROM customers AS e
LEFT JOIN shop_customers AS s ON s.customer_id = e.shop_customer_id
{where}
GROUP BY COALESCE(e.merged_into, e.id)
HAVING MAX(CASE WHEN e.objects_to_profiling THEN 1 ELSE 0 END) = 0
"""

_KINDS = "    AND e.kind IN ({kinds})\n"
_ONLY = "    AND e.customer_id IN :members\n"
_TTL = "    AND e.at >= :oldest\n"


def with_relations(view: View, *, only: bool = False) -> str:
    """Return the view as one statement that brings its relations along; `only` limits them to the records `:members`."""
    whose = _ONLY if only else ""
    old = _TTL if view.ttl else ""
    kinds = _KINDS.format(kinds=", ".join(f"'{kind}'" for kind in view.kinds)) if view.kinds else ""
    known = {
        "events": _EVENTS + _KNOWN + kinds + old + whose,
        "later": _EVENTS + _LATER + kinds + whose,
        "traits": _TRAITS + old + whose,
        "people": _PEOPLE.format(where="WHERE e.id IN :members" if only else ""),
    }
    used = [f"{name} AS ({sql})" for name, sql in known.items() if name in view.relations]
    return f"WITH {', '.join(used)}\n{view.sql}" if used else view.sql
