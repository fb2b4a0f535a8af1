-- What they have bought, in minor units of each currency; an order cancelled by then is no purchase.
-- entity: customer and currency  event time: placed_at  owner: customer intelligence
SELECT
    customer_id,
    currency,
    COUNT(*) AS orders,
    SUM(total_minor) AS spent_minor
FROM shop_orders
WHERE placed_at < :observed_at
    AND (cancelled_at IS NULL OR cancelled_at >= :observed_at)
GROUP BY customer_id, currency
