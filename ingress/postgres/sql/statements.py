"""Every kind of statement: its name in policies, and what it is for where its kind alone tells."""

from ingress.postgres.sql.tree import Node
from ingress.postgres.sql.words import words
from schemas.vocabulary import Intent

_READ, _WRITE, _DDL, _ADMIN = Intent.READ, Intent.WRITE, Intent.DDL, Intent.ADMIN
_CREDENTIAL, _NETWORK, _EXEC, _SESSION = Intent.CREDENTIAL, Intent.NETWORK, Intent.EXEC, Intent.SESSION


def _is(name: str, *intents: Intent) -> tuple[str, frozenset[Intent]]:
    return name, frozenset(intents)


# Node -> name and intents, for statements that are one thing whatever they hold.
FIXED: dict[str, tuple[str, frozenset[Intent]]] = {
    "AlterCollationStmt": _is("alter_collation", _DDL),
    "AlterDatabaseRefreshCollStmt": _is("alter_database", _DDL, _ADMIN),
    "AlterDatabaseSetStmt": _is("alter_database", _DDL, _ADMIN),
    "AlterDatabaseStmt": _is("alter_database", _DDL, _ADMIN),
    "AlterDefaultPrivilegesStmt": _is("alter_default_privileges", _ADMIN),
    "AlterDomainStmt": _is("alter_domain", _DDL),
    "AlterEnumStmt": _is("alter_type", _DDL),
    "AlterEventTrigStmt": _is("alter_event_trigger", _DDL, _ADMIN),
    "AlterExtensionContentsStmt": _is("alter_extension", _DDL, _ADMIN),
    "AlterExtensionStmt": _is("alter_extension", _DDL, _ADMIN),
    "AlterFdwStmt": _is("alter_foreign_data_wrapper", _DDL, _NETWORK, _ADMIN),
    "AlterForeignServerStmt": _is("alter_server", _DDL, _NETWORK, _CREDENTIAL),
    "AlterFunctionStmt": _is("alter_function", _DDL),
    "AlterOpFamilyStmt": _is("alter_operator_family", _DDL),
    "AlterOperatorStmt": _is("alter_operator", _DDL),
    "AlterPolicyStmt": _is("alter_policy", _DDL, _ADMIN),
    "AlterPublicationStmt": _is("alter_publication", _DDL, Intent.EXPORT),
    "AlterRoleSetStmt": _is("alter_role", _ADMIN),
    "AlterRoleStmt": _is("alter_role", _ADMIN, _CREDENTIAL),
    "AlterSeqStmt": _is("alter_sequence", _DDL),
    "AlterStatsStmt": _is("alter_statistics", _DDL),
    "AlterSubscriptionStmt": _is("alter_subscription", _DDL, _NETWORK, _CREDENTIAL),
    "AlterSystemStmt": _is("alter_system", _ADMIN),
    "AlterTSConfigurationStmt": _is("alter_text_search_configuration", _DDL),
    "AlterTSDictionaryStmt": _is("alter_text_search_dictionary", _DDL),
    "AlterTableMoveAllStmt": _is("alter_table", _DDL, _ADMIN),
    "AlterTableSpaceOptionsStmt": _is("alter_tablespace", _DDL, _ADMIN),
    "AlterTypeStmt": _is("alter_type", _DDL),
    "AlterUserMappingStmt": _is("alter_user_mapping", _DDL, _NETWORK, _CREDENTIAL),
    "CheckPointStmt": _is("checkpoint", _ADMIN),
    "ClusterStmt": _is("cluster", _ADMIN),
    "CommentStmt": _is("comment", _DDL),
    "CompositeTypeStmt": _is("create_type", _DDL),
    "ConstraintsSetStmt": _is("set_constraints", _SESSION),
    "CreateAmStmt": _is("create_access_method", _DDL, _ADMIN),
    "CreateCastStmt": _is("create_cast", _DDL, _ADMIN),
    "CreateConversionStmt": _is("create_conversion", _DDL),
    "CreateDomainStmt": _is("create_domain", _DDL),
    "CreateEnumStmt": _is("create_type", _DDL),
    "CreateEventTrigStmt": _is("create_event_trigger", _DDL, _ADMIN),
    "CreateExtensionStmt": _is("create_extension", _DDL, _ADMIN),
    "CreateFdwStmt": _is("create_foreign_data_wrapper", _DDL, _NETWORK, _ADMIN),
    "CreateForeignServerStmt": _is("create_server", _DDL, _NETWORK, _CREDENTIAL),
    "CreateForeignTableStmt": _is("create_foreign_table", _DDL, _NETWORK),
    "CreateOpClassStmt": _is("create_operator_class", _DDL),
    "CreateOpFamilyStmt": _is("create_operator_family", _DDL),
    "CreatePLangStmt": _is("create_language", _DDL, _ADMIN, _EXEC),
    "CreatePolicyStmt": _is("create_policy", _DDL, _ADMIN),
    "CreatePublicationStmt": _is("create_publication", _DDL, Intent.EXPORT),
    "CreateRangeStmt": _is("create_type", _DDL),
    "CreateRoleStmt": _is("create_role", _ADMIN, _CREDENTIAL),
    "CreateSeqStmt": _is("create_sequence", _DDL),
    "CreateStatsStmt": _is("create_statistics", _DDL),
    "CreateStmt": _is("create_table", _DDL),
    "CreateSubscriptionStmt": _is("create_subscription", _DDL, _NETWORK, _CREDENTIAL),
    "CreateTableSpaceStmt": _is("create_tablespace", _DDL, _ADMIN),
    "CreateTransformStmt": _is("create_transform", _DDL, _ADMIN),
    "CreateTrigStmt": _is("create_trigger", _DDL),
    "CreateUserMappingStmt": _is("create_user_mapping", _DDL, _NETWORK, _CREDENTIAL),
    "CreatedbStmt": _is("create_database", _DDL, _ADMIN),
    "DropOwnedStmt": _is("drop_owned", _DDL, _ADMIN),
    "DropRoleStmt": _is("drop_role", _ADMIN, _CREDENTIAL),
    "DropSubscriptionStmt": _is("drop_subscription", _DDL, _NETWORK),
    "DropTableSpaceStmt": _is("drop_tablespace", _DDL, _ADMIN),
    "DropUserMappingStmt": _is("drop_user_mapping", _DDL, _NETWORK, _CREDENTIAL),
    "DropdbStmt": _is("drop_database", _DDL, _ADMIN),
    "ImportForeignSchemaStmt": _is("import_foreign_schema", _DDL, _NETWORK),
    "IndexStmt": _is("create_index", _DDL),
    "ListenStmt": _is("listen", _SESSION),
    "LoadStmt": _is("load", _ADMIN, _EXEC),
    # Others wait for the lock, so it is no matter of this session alone.
    "LockStmt": _is("lock", _WRITE),
    "NotifyStmt": _is("notify", _WRITE),
    "ReassignOwnedStmt": _is("reassign_owned", _DDL, _ADMIN),
    "ReindexStmt": _is("reindex", _ADMIN),
    "ReplicaIdentityStmt": _is("alter_table", _DDL),
    "SecLabelStmt": _is("security_label", _DDL, _ADMIN),
    "TruncateStmt": _is("truncate", _WRITE, Intent.BULK_WRITE),
    "UnlistenStmt": _is("unlisten", _SESSION),
}

# What an object type is called in "create_…", "alter_…", "drop_…".
OBJECTS = {
    "OBJECT_ACCESS_METHOD": "access_method",
    "OBJECT_AGGREGATE": "aggregate",
    "OBJECT_CAST": "cast",
    "OBJECT_COLLATION": "collation",
    "OBJECT_CONVERSION": "conversion",
    "OBJECT_DATABASE": "database",
    "OBJECT_DOMAIN": "domain",
    "OBJECT_EVENT_TRIGGER": "event_trigger",
    "OBJECT_EXTENSION": "extension",
    "OBJECT_FDW": "foreign_data_wrapper",
    "OBJECT_FOREIGN_SERVER": "server",
    "OBJECT_FOREIGN_TABLE": "foreign_table",
    "OBJECT_FUNCTION": "function",
    "OBJECT_INDEX": "index",
    "OBJECT_LANGUAGE": "language",
    "OBJECT_LARGEOBJECT": "large_object",
    "OBJECT_MATVIEW": "materialized_view",
    "OBJECT_OPCLASS": "operator_class",
    "OBJECT_OPERATOR": "operator",
    "OBJECT_OPFAMILY": "operator_family",
    "OBJECT_POLICY": "policy",
    "OBJECT_PROCEDURE": "procedure",
    "OBJECT_PUBLICATION": "publication",
    "OBJECT_ROLE": "role",
    "OBJECT_ROUTINE": "function",
    "OBJECT_RULE": "rule",
    "OBJECT_SCHEMA": "schema",
    "OBJECT_SEQUENCE": "sequence",
    "OBJECT_STATISTIC_EXT": "statistics",
    "OBJECT_SUBSCRIPTION": "subscription",
    "OBJECT_TABLE": "table",
    "OBJECT_TABLESPACE": "tablespace",
    "OBJECT_TRANSFORM": "transform",
    "OBJECT_TRIGGER": "trigger",
    "OBJECT_TSCONFIGURATION": "text_search_configuration",
    "OBJECT_TSDICTIONARY": "text_search_dictionary",
    "OBJECT_TSPARSER": "text_search_parser",
    "OBJECT_TSTEMPLATE": "text_search_template",
    "OBJECT_TYPE": "type",
    "OBJECT_VIEW": "view",
}
# What belongs to a relation: altering it alters that.
_PARTS = {
    "OBJECT_ATTRIBUTE": "type",
    "OBJECT_COLUMN": "table",
    "OBJECT_DOMCONSTRAINT": "domain",
    "OBJECT_TABCONSTRAINT": "table",
}

# Node -> the verb, and the field that names the object's type.
_BY_OBJECT = {
    "AlterTableStmt": ("alter", "objtype"),
    "RenameStmt": ("alter", "renameType"),
    "AlterObjectSchemaStmt": ("alter", "objectType"),
    "AlterOwnerStmt": ("alter", "objectType"),
    "AlterObjectDependsStmt": ("alter", "objectType"),
    "DropStmt": ("drop", "removeType"),
    "DefineStmt": ("create", "kind"),
}

TRANSACTIONS = {
    "TRANS_STMT_BEGIN": "begin",
    "TRANS_STMT_START": "begin",
    "TRANS_STMT_COMMIT": "commit",
    "TRANS_STMT_ROLLBACK": "rollback",
    "TRANS_STMT_SAVEPOINT": "savepoint",
    "TRANS_STMT_RELEASE": "release",
    "TRANS_STMT_ROLLBACK_TO": "rollback_to",
    "TRANS_STMT_PREPARE": "prepare_transaction",
    "TRANS_STMT_COMMIT_PREPARED": "commit_prepared",
    "TRANS_STMT_ROLLBACK_PREPARED": "rollback_prepared",
}

_OTHERS = words(
    """
    analyze call close copy create_function create_materialized_view create_procedure create_rule
    create_schema create_table_as create_view deallocate declare delete discard do execute explain fetch
    grant grant_role insert merge move prepare refresh_materialized_view replication reset revoke revoke_role
    select select_into set set_role set_session_authorization show update vacuum
    """
)

STATEMENTS: frozenset[str] = frozenset(
    {
        *(name for name, _ in FIXED.values()),
        *(f"{verb}_{word}" for verb in ("alter", "create", "drop") for word in OBJECTS.values()),
        *TRANSACTIONS.values(),
        *_OTHERS,
    }
)
"""Every statement kind a rule may name."""


def name_by_object(kind: str, node: Node) -> str | None:
    """The name of a statement whose object's type is one of its fields; None: it is of another kind."""
    if kind not in _BY_OBJECT:
        return None
    verb, field = _BY_OBJECT[kind]
    found = node.get(field, "")
    if found in ("OBJECT_COLUMN", "OBJECT_TABCONSTRAINT") and node.get("relationType") in OBJECTS:
        found = node["relationType"]
    word = OBJECTS.get(found) or _PARTS.get(found)
    return f"{verb}_{word}" if word else None
