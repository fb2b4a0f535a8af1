-- Who bought what, for recommendations; items of a cancelled order are withdrawn.
-- entity: customer, product
-- kinds: item_bought
-- event time: at
-- created time: created_at
-- ttl: forever
-- owner: customer intelligence
-- items (number): 购买件数 | pieces bought
SELECT
    e.customer_id,
    e.ref AS product,
    SUM(e.value) AS items
FROM events AS e
WHERE e.ref IS NOT NULL
GROUP BY e.customer_id, e.ref
