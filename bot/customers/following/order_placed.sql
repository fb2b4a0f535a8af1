-- Every order from the moment it is placed.
SELECT
    'order:' || o.number AS key,
    c.id AS customer_id,
    o.placed_at AS at,
    o.total_minor AS amount_minor,
    o.currency,
    CASE WHEN o.coupon IS NULL THEN 0.0 ELSE 1.0 END AS value,
    o.number AS ref
FROM shop_orders AS o
JOIN customers AS c ON c.shop_customer_id = o.customer_id
WHERE o.placed_at >= :since
    AND o.placed_at <= :now
