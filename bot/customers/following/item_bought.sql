-- The lines of every order; those of an order that is cancelled are withdrawn (cancelled_items.sql).
SELECT
    'line:' || l.id AS key,
    c.id AS customer_id,
    o.placed_at AS at,
    l.price_minor * l.quantity AS amount_minor,
    o.currency,
    1.0 * l.quantity AS value,
    l.sku AS ref
FROM shop_order_lines AS l
JOIN shop_orders AS o ON o.number = l.order_number
JOIN customers AS c ON c.shop_customer_id = o.customer_id
WHERE o.placed_at >= :since
    AND o.placed_at <= :now
