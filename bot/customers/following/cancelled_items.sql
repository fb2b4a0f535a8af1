-- Events of lines whose order was cancelled, which still stand as bought.
SELECT
    e.key,
    e.customer_id,
    e.at,
    e.amount_minor,
    e.currency,
    e.value,
    e.ref,
    o.cancelled_at
FROM shop_orders AS o
JOIN shop_order_lines AS l ON l.order_number = o.number
JOIN customer_events AS e ON e.source = 'shop' AND e.key = 'line:' || l.id
WHERE o.cancelled_at >= :since
    AND o.cancelled_at <= :now
    AND e.superseded_at IS NULL
    AND NOT e.withdrawn
