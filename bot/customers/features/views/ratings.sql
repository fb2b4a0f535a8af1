-- How they rated our service within a year.
-- entity: customer
-- kinds: csat
-- event time: at
-- created time: created_at
-- ttl: 365 days
-- owner: customer intelligence
-- csat_mean (number): 近 365 天满意度的平均分（1 到 5） | mean rating of the last 365 days, 1 to 5
-- csat_low_365d (count): 近 365 天 1 到 2 分的评价数 | ratings of 1 or 2 in the last 365 days
SELECT
    e.customer_id,
    AVG(e.value) AS csat_mean,
    SUM(CASE WHEN e.value <= 2 THEN 1 ELSE 0 END) AS csat_low_365d
FROM events AS e
GROUP BY e.customer_id
