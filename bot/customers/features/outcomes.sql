-- The label, not a feature: what happened from the observation until the end of the horizon.
-- entity: customer  event time: placed_at, cancelled_at, renews_at  owner: customer intelligence
SELECT
    s.customer_id,
    (
        SELECT COUNT(*)
        FROM shop_orders AS o
        WHERE o.customer_id = s.customer_id
            AND o.placed_at >= :observed_at
            AND o.placed_at < :until
    ) AS orders_after,
    (
        SELECT COUNT(*)
        FROM shop_memberships AS m
        WHERE m.customer_id = s.customer_id
            AND (
                (m.cancelled_at >= :observed_at AND m.cancelled_at < :until)
                OR (m.status = 'expired' AND m.renews_at >= :observed_at AND m.renews_at < :until)
            )
    ) AS memberships_ended
FROM shop_customers AS s
WHERE s.registered_at < :observed_at
