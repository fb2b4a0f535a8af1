-- Ratings of those contacts; a rating is taken to be given at the contact.
SELECT
    'csat:' || CAST(k.id AS VARCHAR(20)) AS key,
    c.id AS customer_id,
    k.at,
    CAST(NULL AS BIGINT) AS amount_minor,
    CAST(NULL AS VARCHAR(3)) AS currency,
    1.0 * k.csat AS value,
    k.topic AS ref
FROM shop_contacts AS k
JOIN customers AS c ON c.shop_customer_id = k.customer_id
WHERE k.at >= :since
    AND k.at <= :now
    AND k.csat IS NOT NULL
