-- A made-up shop: 60,000 sales of 3,000 articles by 500 customers, then questions that sort, join, group and build
-- long strings. Everything is computed from row numbers, so that the answers are the same each time.
PRAGMA cache_size = -20000;
PRAGMA page_size = 4096;

CREATE TABLE article (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price INTEGER NOT NULL, picture BLOB);
CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT NOT NULL, town TEXT NOT NULL);
CREATE TABLE sale (id INTEGER PRIMARY KEY, article INTEGER REFERENCES article, customer INTEGER REFERENCES customer,
                   amount INTEGER, day INTEGER, remark TEXT);

BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
INSERT INTO article SELECT i, printf('article %05d %s', i * 7919 % 3001, hex(zeroblob(i % 40))), i * 37 % 9973 + 1,
                           zeroblob(i * 13 % 3000) FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
INSERT INTO customer SELECT i, printf('customer %d', i * 31 % 503), printf('town %d', i * i % 41) FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
INSERT INTO sale SELECT i, i * 2654435761 % 3000 + 1, i * 40503 % 500 + 1, i % 17 + 1, i * 7 % 3650,
                        CASE i % 5 WHEN 0 THEN NULL ELSE substr('a remark of some length, cut somewhere', 1, i % 38) END
FROM n;
COMMIT;

CREATE INDEX sale_article ON sale (article, day);
CREATE INDEX sale_customer ON sale (customer, amount DESC);
CREATE INDEX article_name ON article (name COLLATE NOCASE);
CREATE UNIQUE INDEX customer_name ON customer (name, id);
ANALYZE;

SELECT c.town, count(*), sum(s.amount * a.price), max(length(s.remark))
FROM sale s JOIN article a ON a.id = s.article JOIN customer c ON c.id = s.customer
GROUP BY c.town ORDER BY 3 DESC;

SELECT day / 100, group_concat(amount, ''), total(amount) FROM sale WHERE customer < 40 GROUP BY 1 ORDER BY 1;

SELECT id, article, amount, sum(amount) OVER (PARTITION BY article ORDER BY day, id ROWS 5 PRECEDING),
       rank() OVER (PARTITION BY customer ORDER BY amount DESC, id)
FROM sale ORDER BY article, day, id LIMIT 5000;

SELECT a.name, b.name FROM article a JOIN article b ON a.price = b.price AND a.id < b.id ORDER BY 1, 2 LIMIT 2000;

SELECT remark, count(*) FROM sale GROUP BY remark HAVING count(*) > 10 ORDER BY remark DESC;

SELECT json_group_array(json_object('id', id, 'name', name, 'tags', json_array(price % 3, price % 5)))
FROM (SELECT * FROM article ORDER BY name LIMIT 500);

SELECT value ->> 'price' FROM json_each((SELECT json_group_array(json_object('price', price)) FROM article))
ORDER BY CAST(value ->> 'price' AS INTEGER) DESC LIMIT 20;

CREATE TABLE top AS
  SELECT customer, sum(amount) AS total FROM sale GROUP BY customer ORDER BY total DESC, customer LIMIT 100;
UPDATE sale SET amount = amount + 1, remark = coalesce(remark, '') || ' (raised)' WHERE customer IN (SELECT customer FROM top);
DELETE FROM sale WHERE id % 3 = 0;
SAVEPOINT trial;
DELETE FROM article;
SELECT count(*) FROM article;
ROLLBACK TO trial;
SELECT count(*), sum(length(picture)) FROM article;
RELEASE trial;
VACUUM;
PRAGMA integrity_check;
SELECT count(*), sum(amount), sum(length(remark)) FROM sale;
