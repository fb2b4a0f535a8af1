-- What they sent back or asked to.
-- entity: customer  event time: requested_at  owner: customer intelligence
SELECT
    o.customer_id,
    COUNT(*) AS returns,
    SUM(CASE WHEN r.requested_at >= :ago_365 THEN 1 ELSE 0 END) AS returns_365d
FROM shop_returns AS r
JOIN shop_order_lines AS l ON l.id = r.order_line_id
JOIN shop_orders AS o ON o.number = l.order_number
WHERE r.requested_at < :observed_at
GROUP BY o.customer_id
