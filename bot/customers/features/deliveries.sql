-- Orders of the last 180 days whose parcel was, by then, late or reported delayed or stuck.
-- entity: customer  event time: placed_at, promised_at, shipped_at and the tracking event's  owner: customer intelligence
SELECT
    o.customer_id,
    COUNT(DISTINCT o.number) AS troubled_180d
FROM shop_orders AS o
JOIN shop_shipments AS s ON s.order_number = o.number
WHERE o.placed_at >= :ago_180
    AND o.placed_at < :observed_at
    AND s.shipped_at < :observed_at
    AND (
        (o.promised_at < :observed_at AND (s.delivered_at IS NULL OR s.delivered_at > o.promised_at))
        OR EXISTS (
            SELECT 1
            FROM shop_tracking_events AS e
            WHERE e.tracking_number = s.tracking_number
                AND e.code IN ('delayed', 'exception')
                AND e.at < :observed_at
        )
    )
GROUP BY o.customer_id
