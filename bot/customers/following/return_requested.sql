-- What they sent back or asked to.
SELECT
    'return:' || r.number AS key,
    c.id AS customer_id,
    r.requested_at AS at,
    r.amount_minor,
    o.currency,
    CAST(NULL AS FLOAT) AS value,
    o.number AS ref
FROM shop_returns AS r
JOIN shop_order_lines AS l ON l.id = r.order_line_id
JOIN shop_orders AS o ON o.number = l.order_number
JOIN customers AS c ON c.shop_customer_id = o.customer_id
WHERE r.requested_at >= :since
    AND r.requested_at <= :now
