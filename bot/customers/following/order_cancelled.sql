-- An order taken back; an event of its own beside that of the order.
SELECT
    'cancelled:' || o.number AS key,
    c.id AS customer_id,
    o.cancelled_at AS at,
    o.total_minor AS amount_minor,
    o.currency,
    CAST(NULL AS FLOAT) AS value,
    o.number AS ref
FROM shop_orders AS o
JOIN customers AS c ON c.shop_customer_id = o.customer_id
WHERE o.cancelled_at >= :since
    AND o.cancelled_at <= :now
