-- An order whose parcel was not there when it was promised, or was reported delayed or stuck before: from the first of these on.
SELECT
    'late:' || t.order_number AS key,
    t.customer_id,
    MIN(t.at) AS at,
    CAST(NULL AS BIGINT) AS amount_minor,
    CAST(NULL AS VARCHAR(3)) AS currency,
    CAST(NULL AS FLOAT) AS value,
    t.order_number AS ref
FROM (
    SELECT
        s.order_number,
        c.id AS customer_id,
        CASE WHEN s.shipped_at > o.promised_at THEN s.shipped_at ELSE o.promised_at END AS at
    FROM shop_shipments AS s
    JOIN shop_orders AS o ON o.number = s.order_number
    JOIN customers AS c ON c.shop_customer_id = o.customer_id
    WHERE (o.promised_at >= :since OR s.shipped_at >= :since)
        AND o.promised_at <= :now
        AND s.shipped_at <= :now
        AND (s.delivered_at IS NULL OR s.delivered_at > o.promised_at)
    UNION ALL
    SELECT
        s.order_number,
        c.id AS customer_id,
        e.at
    FROM shop_tracking_events AS e
    JOIN shop_shipments AS s ON s.tracking_number = e.tracking_number
    JOIN shop_orders AS o ON o.number = s.order_number
    JOIN customers AS c ON c.shop_customer_id = o.customer_id
    WHERE e.at >= :since
        AND e.at <= :now
        AND e.code IN ('delayed', 'exception')
) AS t
GROUP BY t.order_number, t.customer_id
