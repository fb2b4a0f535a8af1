-- Who bought what, for recommendations; an order cancelled by then is no purchase.
-- entity: customer and product  event time: placed_at  owner: customer intelligence
SELECT DISTINCT
    o.customer_id,
    l.sku
FROM shop_order_lines AS l
JOIN shop_orders AS o ON o.number = l.order_number
WHERE o.placed_at < :observed_at
    AND (o.cancelled_at IS NULL OR o.cancelled_at >= :observed_at)
ORDER BY o.customer_id, l.sku
