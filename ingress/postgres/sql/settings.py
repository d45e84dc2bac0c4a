"""What changing a setting of the session does."""

from ingress.postgres.sql.findings import Findings
from ingress.postgres.sql.words import words
from schemas.vocabulary import Intent

# Settings that change neither what a later statement means nor what it may do.
_PLAIN = words(
    """
    application_name backslash_quote client_connection_check_interval client_min_messages commit_delay
    commit_siblings constraint_exclusion cpu_index_tuple_cost cpu_operator_cost cpu_tuple_cost
    cursor_tuple_fraction deadlock_timeout default_statistics_target default_toast_compression
    default_transaction_deferrable default_transaction_isolation default_transaction_read_only
    effective_cache_size effective_io_concurrency enable_async_append enable_bitmapscan
    enable_gathermerge enable_hashagg enable_hashjoin enable_incremental_sort enable_indexonlyscan
    enable_indexscan enable_material enable_memoize enable_mergejoin enable_nestloop
    enable_parallel_append enable_parallel_hash enable_partition_pruning enable_partitionwise_aggregate
    enable_partitionwise_join enable_seqscan enable_sort enable_tidscan escape_string_warning
    force_parallel_mode from_collapse_limit geqo geqo_effort geqo_generations geqo_pool_size geqo_seed
    geqo_selection_bias geqo_threshold gin_fuzzy_search_limit gin_pending_list_limit hash_mem_multiplier
    idle_in_transaction_session_timeout idle_session_timeout jit jit_above_cost jit_inline_above_cost
    jit_optimize_above_cost join_collapse_limit lc_messages lock_timeout logical_decoding_work_mem
    maintenance_io_concurrency maintenance_work_mem max_parallel_maintenance_workers
    max_parallel_workers max_parallel_workers_per_gather min_parallel_index_scan_size
    min_parallel_table_scan_size parallel_leader_participation parallel_setup_cost parallel_tuple_cost
    password_encryption plan_cache_mode quote_all_identifiers random_page_cost
    recursive_worktable_factor seed seq_page_cost statement_timeout synchronize_seqscans
    synchronous_commit temp_buffers temp_tablespaces transaction_deferrable transaction_isolation
    transaction_read_only transaction_timeout work_mem
    """
)

MEANING = (
    "array_nulls",
    "bytea_output",
    "check_function_bodies",
    "DateStyle",
    "default_table_access_method",
    "default_tablespace",
    "default_text_search_config",
    "extra_float_digits",
    "IntervalStyle",
    "lc_monetary",
    "lc_numeric",
    "lc_time",
    "row_security",
    "session_authorization",
    "session_replication_role",
    "standard_conforming_strings",
    "TimeZone",
    "transform_null_equals",
    "xmlbinary",
    "xmloption",
)
"""Settings on which it depends what a text does, though not what its names mean. They are part of a command's
digest (docs/decisions/0009-what-a-digest-covers.md)."""
_MEANING = frozenset(name.lower() for name in MEANING) - {
    "standard_conforming_strings",
    "session_authorization",
}

# With these a session acts with other rights, or past the checks of the server.
_RIGHTS = words(
    """
    role session_authorization session_replication_role row_security allow_system_table_mods
    ignore_system_indexes local_preload_libraries session_preload_libraries dynamic_library_path
    zero_damaged_pages lo_compat_privileges createrole_self_grant event_triggers exit_on_error
    restrict_nonsystem_relation_kind jit_provider max_stack_depth
    """
)
# What the server's own watch over its sessions depends on, and code that runs when a language is first used.
_WATCH = ("log_", "track_", "debug_", "trace_", "pgaudit.", "auto_explain.", "pg_stat_", "set_user.")
_STARTS = (".start_proc", ".on_init", ".on_plperl_init", ".on_plperlu_init", ".start_procu")


def set_variable(name: str, findings: Findings, *, resets: bool = False) -> None:
    """A statement sets a setting, by SET or set_config; `resets`: to what the session began with."""
    findings.intents.add(Intent.SESSION)
    known = name.lower()
    watches = known.startswith(_WATCH) or known.endswith(_STARTS)
    if watches or (known in _RIGHTS and not resets):
        findings.intents.add(Intent.ADMIN)
    if known in _MEANING:
        findings.changes_settings = True
    elif known not in _PLAIN:
        findings.changes_context = True
