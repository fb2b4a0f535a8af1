-- Late deliveries that still stand though the shop has learnt since that every parcel was there when it was promised, and none was reported stuck.
SELECT
    e.key,
    e.customer_id,
    e.at,
    e.amount_minor,
    e.currency,
    e.value,
    e.ref
FROM shop_orders AS o
JOIN shop_shipments AS s ON s.order_number = o.number
JOIN customer_events AS e ON e.source = 'shop' AND e.key = 'late:' || o.number
WHERE s.delivered_at <= o.promised_at
    AND s.delivered_at <= :now
    AND (s.delivered_at >= :since OR e.at >= :since)
    AND e.superseded_at IS NULL
    AND NOT e.withdrawn
    AND NOT EXISTS (
        SELECT 1
        FROM shop_shipments AS other
        WHERE other.order_number = o.number
            AND (other.delivered_at IS NULL OR other.delivered_at > o.promised_at)
    )
    AND NOT EXISTS (
        SELECT 1
        FROM shop_shipments AS parcel
        JOIN shop_tracking_events AS t ON t.tracking_number = parcel.tracking_number
        WHERE parcel.order_number = o.number
            AND t.code IN ('delayed', 'exception')
    )
