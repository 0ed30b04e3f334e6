package compile

import (
	"fmt"
	"slices"
	"strings"

	"warehouse/runner/jinja"
)

// dbt's names that are not here. A template may ask whether one is defined, as
// packages do; to call it is an error that says what to use instead.
const (
	storesModels = "the run stores models, seeds and snapshots itself: give the model a materialization of its own kind"
	changesData  = "templates only read: write what the run should store as a model, and what has to happen around it as a hook's SQL"
	noGrants     = "grant rights in the database, or in a hook's SQL"
	noPython     = "Python models are not supported: write the model in SQL"
	noMetrics    = "metrics and semantic models are not supported: write the query as a model"
	noFunctions  = "functions as resources are not supported: create the function in on-run-start"
)

var dbtOnly = func() map[string]string {
	all := map[string]string{}
	for advice, names := range map[string]string{
		noMetrics:   "metric",
		noFunctions: "function get_formatted_aggregate_function_args get_aggregate_function_create_replace_signature function_execute_build_sql formatted_scalar_function_args_sql scalar_function_body_sql scalar_function_sql scalar_function_create_replace_signature_sql",
		noPython:    "submit_python_job py_write_table py_script_comment py_script_postfix resolve_model_name build_ref_function build_source_function build_config_dict",
		noGrants:    "apply_grants copy_grants should_revoke get_show_grant_sql get_grant_sql get_revoke_sql get_dcl_statement_list call_dcl_statements support_multiple_grantees_per_dcl_statement",
		"load_agate_table is for the materialization of seeds: read the seed with ref":               "load_agate_table",
		"templates write no files: `warehouse export` does":                                          "write write_to_file store_relation location_exists external_location render_write_options",
		"call the macro by its name, or adapter.dispatch('name', 'package')":                         "adapter_macro",
		"hooks are run by the run: on-run-start, on-run-end, pre_hook, post_hook":                    "run_hooks",
		"write the settings in the query, or in a pre_hook":                                          "set_sql_header",
		"`warehouse source freshness` measures it":                                                   "collect_freshness collect_freshness_custom_sql get_relation_last_modified",
		"descriptions are in the artifacts; write them to the database in a hook's SQL":              "persist_docs alter_relation_comment alter_column_comment validate_doc_columns",
		"ask the information schema with run_query":                                                  "get_catalog get_catalog_relations get_catalog_for_single_relation get_relations list_schemas check_schema_exists list_relations_without_caching list_function_relations_without_caching sql_convert_columns_in_relation get_show_indexes_sql",
		"make the relation with api.Relation.create; the run decides where models are stored":        "make_temp_relation make_intermediate_relation make_backup_relation get_or_create_relation",
		"unit tests are run by the run: `unit_tests:` in YAML":                                       "get_unit_test_sql get_fixture_sql get_expected_sql format_row validate_fixture_rows",
		"data tests are run by the run: `data_tests:` in YAML":                                       "get_test_sql",
		"constraints are those of the contract: `contract: {enforced: true}` and `columns:` in YAML": "get_table_columns_and_constraints table_columns_and_constraints format_columns get_assert_columns_equivalent assert_columns_equivalent get_empty_schema_sql",
		"the run compares the columns itself: on_schema_change in the model's config":                "process_schema_changes sync_column_schemas check_for_schema_changes incremental_validate_on_schema_change diff_column_data_types alter_relation_add_remove_columns alter_column_type",
		"snapshots are made by the run: their strategy is in their config":                           "snapshot_merge_sql snapshot_staging_table build_snapshot_table build_snapshot_staging_table snapshot_timestamp_strategy snapshot_check_strategy snapshot_string_as_time strategy_dispatch post_snapshot create_columns unique_key_fields unique_key_join_on unique_key_is_null unique_key_is_not_null get_snapshot_table_column_names get_dbt_valid_to_current get_updated_at_column_data_type check_time_data_types get_snapshot_get_time_data_type",
		"the run merges rows itself: unique_key and incremental_strategy in the model's config":      "get_merge_sql get_delete_insert_merge_sql get_insert_overwrite_merge_sql get_merge_update_columns get_merge_unique_key_match get_insert_into_sql get_incremental_append_sql get_incremental_delete_insert_sql get_incremental_merge_sql get_incremental_insert_overwrite_sql get_incremental_default_sql get_incremental_microbatch_sql",
		"write what is to be told with log(); the result of a query comes from run_query":            "noop_statement",
		"the columns are those that adapter.get_columns_in_relation returns":                         "get_column_names",
		storesModels: "get_create_table_as_sql get_create_view_as_sql create_table_as create_view_as get_create_sql get_create_index_sql create_indexes get_create_backup_sql get_create_intermediate_sql get_replace_sql get_replace_table_sql get_replace_view_sql create_or_replace_view handle_existing_table get_select_subquery create_or_replace_clone can_clone_table create_csv_table reset_csv_table load_csv_rows get_csv_sql get_batch_size get_binding_char get_seed_column_quoted_csv get_create_materialized_view_as_sql get_alter_materialized_view_as_sql refresh_materialized_view materialized_view_setup materialized_view_execute_build_sql get_materialized_view_configuration_changes register_upstream_external_models",
		changesData:  "create_schema drop_schema drop_schema_named drop_relation drop_relation_if_exists drop_table drop_view drop_materialized_view get_drop_sql get_drop_index_sql get_drop_backup_sql rename_relation get_rename_sql get_rename_table_sql get_rename_view_sql get_rename_intermediate_sql truncate_relation validate_sql",
	} {
		for _, name := range strings.Fields(names) {
			all[name] = advice
		}
	}
	return all
}()

// dbtOnlyFunc is what such a name evaluates to.
func dbtOnlyFunc(name string) jinja.Value {
	return fn(name, func(*jinja.Call) (jinja.Value, error) {
		return nil, &lookupError{msg: "dbt's " + name + " is not here", advice: dbtOnly[name]}
	})
}

// notOfAdapter are dbt's methods of adapters that are not here.
var notOfAdapter = oneOf("get_catalog_integration", "build_catalog_relation", "get_partitions_metadata", "get_columns_in_table", "standardize_grants_dict",
	"valid_snapshot_target", "assert_valid_snapshot_target_given_strategy", "get_incremental_strategy_macro", "render_raw_columns_constraints",
	"render_raw_model_constraints", "get_hard_deletes_behavior", "parse_index", "ensure_transaction", "is_ducklake", "use_ducklake_table_workarounds",
	"get_seed_file_path", "location_exists", "store_relation", "get_binding_char", "external_write_options", "external_read_location", "warn_once",
	"valid_incremental_strategies", "catalog_supports_foreign_keys", "existing_key_constraint_types", "batch_id_for_model", "get_temp_relation_path",
	"cache_renamed", "generate_python_submission_response", "submit_python_job")

// tryOrError is try_or_compiler_error(message, function, …): what the function
// returns, or the message.
func (r *render) tryOrError(c *jinja.Call) (jinja.Value, error) {
	if len(c.Args) < 2 {
		return nil, fmt.Errorf("try_or_compiler_error needs a message and a function")
	}
	v, err := c.CallValue(c.Args[1], c.Args[2:], c.Kwargs)
	if err != nil {
		return nil, &raisedError{withReferences(jinja.Str(c.Args[0]))}
	}
	return v, nil
}

// storeRawResult is store_raw_result(name, message, code, rows_affected, agate_table).
func (r *render) storeRawResult(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "store_raw_result", "name", "message?", "code?", "rows_affected?", "agate_table?")
	if err != nil {
		return nil, err
	}
	t, _ := v[4].(*table)
	r.keep(jinja.Str(v[0]), jinja.Str(v[1]), t)
	return "", nil
}

// validation is dbt's: config.get takes a validator and does not call it.
func validation() jinja.Value {
	pass := fn("validator", func(c *jinja.Call) (jinja.Value, error) { return "", nil })
	return fixed("validation", map[string]jinja.Value{"any": fn("validation.any", func(*jinja.Call) (jinja.Value, error) { return pass, nil })})
}

// differences is diff_of_two_dicts(a, b): of each list in a what that in b has
// not, all in lower case.
func differences(_ *render, c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "diff_of_two_dicts", "dict_a", "dict_b")
	if err != nil {
		return nil, err
	}
	lower := func(v jinja.Value) (keys []string, lists map[string][]string, err error) {
		d, ok := v.(*jinja.Dict)
		if !ok {
			return nil, nil, fmt.Errorf("diff_of_two_dicts takes dicts, not %s", jinja.Repr(v))
		}
		lists = map[string][]string{}
		for _, it := range d.Items() {
			all, err := items(c, it.Value)
			if err != nil {
				return nil, nil, err
			}
			key := strings.ToLower(jinja.Str(it.Key))
			keys = append(keys, key)
			lists[key] = []string{}
			for _, x := range all {
				lists[key] = append(lists[key], strings.ToLower(jinja.Str(x)))
			}
		}
		return keys, lists, nil
	}
	keys, a, err := lower(v[0])
	if err != nil {
		return nil, err
	}
	_, b, err := lower(v[1])
	if err != nil {
		return nil, err
	}
	out := jinja.NewDict()
	for _, key := range keys {
		other, both := b[key]
		left := slices.DeleteFunc(slices.Clone(a[key]), func(s string) bool { return slices.Contains(other, s) })
		if len(left) > 0 || !both {
			_ = out.Set(key, list(left))
		}
	}
	return out, nil
}
