-- Pages that they looked at.
SELECT
    'visit:' || CAST(v.id AS VARCHAR(20)) AS key,
    c.id AS customer_id,
    v.at,
    CAST(NULL AS BIGINT) AS amount_minor,
    CAST(NULL AS VARCHAR(3)) AS currency,
    CAST(NULL AS FLOAT) AS value,
    v.page AS ref
FROM shop_page_visits AS v
JOIN customers AS c ON c.shop_customer_id = v.customer_id
WHERE v.at >= :since
    AND v.at <= :now
