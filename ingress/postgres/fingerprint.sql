-- One value that differs whenever what catalogue.sql reads may differ: for every catalogue it reads, the name and a
-- hash over its rows, each with the transaction that wrote it. Cheap beside reading them. It is asked on clients' connections, too, within
-- a transaction of theirs: so every name is qualified, and there is no operator.
select pg_catalog.string_agg(part, ' ' order by part) from (
    select pg_catalog.concat('class ', pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat(oid, ':', xmin), ',' order by oid))) as part from pg_catalog.pg_class
    union all select pg_catalog.concat('attribute ', pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat(attrelid, '.', attnum, ':', xmin), ',' order by attrelid, attnum))) as part from pg_catalog.pg_attribute
    union all select pg_catalog.concat('default ', pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat(oid, ':', xmin), ',' order by oid))) as part from pg_catalog.pg_attrdef
    union all select pg_catalog.concat('inherits ', pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat(inhrelid, '.', inhparent, ':', xmin), ',' order by inhrelid, inhparent))) as part from pg_catalog.pg_inherits
    union all select pg_catalog.concat('rewrite ', pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat(oid, ':', xmin), ',' order by oid))) as part from pg_catalog.pg_rewrite
    union all select pg_catalog.concat('namespace ', pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat(oid, ':', xmin), ',' order by oid))) as part from pg_catalog.pg_namespace
    union all select pg_catalog.concat('proc ', pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat(oid, ':', xmin), ',' order by oid))) as part from pg_catalog.pg_proc
    union all select pg_catalog.concat('type ', pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat(oid, ':', xmin), ',' order by oid))) as part from pg_catalog.pg_type
    union all select pg_catalog.concat('operator ', pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat(oid, ':', xmin), ',' order by oid))) as part from pg_catalog.pg_operator
    union all select pg_catalog.concat('cast ', pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat(oid, ':', xmin), ',' order by oid))) as part from pg_catalog.pg_cast
    union all select pg_catalog.concat('constraint ', pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat(oid, ':', xmin), ',' order by oid))) as part from pg_catalog.pg_constraint
    union all select pg_catalog.concat('extension ', pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat(oid, ':', xmin), ',' order by oid))) as part from pg_catalog.pg_extension
    union all select pg_catalog.concat('trigger ', pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat(oid, ':', xmin), ',' order by oid))) as part from pg_catalog.pg_trigger
    union all select pg_catalog.concat('policy ', pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat(oid, ':', xmin), ',' order by oid))) as part from pg_catalog.pg_policy
    union all select pg_catalog.concat('index ', pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat(indexrelid, ':', xmin), ',' order by indexrelid))) as part from pg_catalog.pg_index
    union all select pg_catalog.concat('partitioned ', pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat(partrelid, ':', xmin), ',' order by partrelid))) as part from pg_catalog.pg_partitioned_table
    union all select pg_catalog.concat('range ', pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat(rngtypid, ':', xmin), ',' order by rngtypid))) as part from pg_catalog.pg_range
) parts
