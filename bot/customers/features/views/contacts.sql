-- How often they needed customer service, and how they sounded.
-- entity: customer
-- kinds: contact
-- event time: at
-- created time: created_at
-- ttl: forever
-- owner: customer intelligence
-- contacts (count): 历史咨询次数 | contacts with customer service ever
-- contacts_90d (count): 近 90 天的咨询次数 | contacts of the last 90 days
-- contacts_365d (count): 近 365 天的咨询次数 | contacts of the last 365 days
-- sentiment_mean (number): 近 365 天咨询的平均情绪（-1 到 1） | mean tone of the last 365 days' contacts, -1 to 1
SELECT
    e.customer_id,
    COUNT(*) AS contacts,
    SUM(CASE WHEN e.at >= :ago_90 THEN 1 ELSE 0 END) AS contacts_90d,
    SUM(CASE WHEN e.at >= :ago_365 THEN 1 ELSE 0 END) AS contacts_365d,
    AVG(CASE WHEN e.at >= :ago_365 THEN e.value END) AS sentiment_mean
FROM events AS e
GROUP BY e.customer_id
