-- What they needed service for and how they rated it; a rating is taken to be given at the contact.
-- entity: customer  event time: at  owner: customer intelligence
SELECT
    c.customer_id,
    COUNT(*) AS contacts,
    AVG(CASE WHEN c.at >= :ago_365 THEN 1.0 * c.csat END) AS csat_mean
FROM shop_contacts AS c
WHERE c.at < :observed_at
GROUP BY c.customer_id
