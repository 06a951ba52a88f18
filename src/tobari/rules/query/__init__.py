"""The typed query policy, version 0: which SQL over a room's data its owners' terms allow, and as what it is run.

`terms` is what an owner signs (spec/data-terms.md), `terms_file` how an owner writes it. `policy.plan` turns an
analyst's text into the SQL that runs (docs/reference/query-language.md): `parse` reads it within limits; `reading` and
`conditions` copy what `syntax` and the terms in `table` allow into the types of `algebra`; `render` writes new SQL, in
which `thresholds` decides what is withheld. Nothing of the analyst's text is passed on.

Left out, on purpose: joins, subqueries, windows, budgets, noise, and differences between the answers of several
queries. `terms` and `terms_file` need the base install only; the rest needs sqlglot.
"""
