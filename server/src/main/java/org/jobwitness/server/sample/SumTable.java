package org.jobwitness.server.sample;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SortedMap;
import java.util.function.Function;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.db.ArrayStatement;
import org.jobwitness.wire.Figure;

/**
 * Writes sums into a table: a row is inserted, or merged into the one that is stored. All numbers of all rows go in one array,
 * row after row, and {@code latest} in it: an array for each of fifty columns costs PostgreSQL more than writing the rows.
 *
 * @param <S> what new samples of a row add up to
 */
final class SumTable<S> {
    private final String sql;
    private final boolean isOfGpus;
    private final List<SumColumn<S>> numbers;
    private final List<SumColumn<S>> texts;
    private final Function<S, Figures> latest;
    /** Numbers of a row. */
    private final int width;

    /** @param gpu empty where the sums are of a node */
    record Key(long run, String node, String gpu) {
        static final Comparator<Key> ORDER = Comparator.comparingLong(Key::run).thenComparing(Key::node)
                .thenComparing(Key::gpu);
    }

    /**
     * Prepares the statement.
     *
     * @param columns beside the key and {@code latest}
     * @param latest the newest value of each figure
     */
    SumTable(String table, Figure.Of of, List<SumColumn<S>> columns, Function<S, Figures> latest) {
        isOfGpus = of == Figure.Of.GPU;
        numbers = columns.stream().filter(column -> column.number() != null).toList();
        texts = columns.stream().filter(column -> column.text() != null).toList();
        this.latest = latest;
        int figures = Figure.all(of).size();
        width = numbers.size() + figures;
        List<String> names = new ArrayList<>();
        List<String> values = new ArrayList<>();
        for (int i = 0; i < numbers.size(); i++) {
            names.add(numbers.get(i).name());
            values.add(numbers.get(i).received("nullif(numbers[start + " + (i + 1) + "], 'NaN')"));
        }
        texts.forEach(column -> names.add(column.name()));
        texts.forEach(column -> values.add(column.received("incoming." + column.name())));
        names.add("latest");
        values.add("array_replace(numbers[start + " + (numbers.size() + 1) + " : start + " + width + "], 'NaN', null)");
        sql = upsert(table, isOfGpus ? List.of("job_key", "node", "gpu") : List.of("job_key", "node"), names, values,
                columns);
    }

    private String upsert(String table, List<String> keys, List<String> names, List<String> values,
            List<SumColumn<S>> columns) {
        String key = String.join(", ", keys);
        List<String> unnested = new ArrayList<>(keys);
        texts.forEach(column -> unnested.add(column.name()));
        List<String> merged = new ArrayList<>(columns.stream().map(SumColumn::merged).toList());
        merged.add(new SumColumn<S>("latest", "", SumColumn.Merge.NEWEST, null, null).merged());
        return "insert into " + table + " as stored (" + key + ", " + String.join(", ", names) + ") select " + key
                + ", "
                + String.join(", ", values) + " from rows from ("
                + "unnest(?), ".repeat(unnested.size()) + "generate_series(0, ?, " + width + ")) as incoming ("
                + String.join(", ", unnested) + ", start) cross join (select cast(? as double precision[]) as numbers)"
                + " numbers on conflict (" + key + ") do update set " + String.join(", ", merged);
    }

    /** In the order of the keys, so that no two writers wait for each other. */
    void add(Handle handle, SortedMap<Key, S> sums) throws SQLException {
        List<S> rows = List.copyOf(sums.values());
        double[] all = new double[rows.size() * width];
        for (int row = 0; row < rows.size(); row++) {
            put(rows.get(row), all, row * width);
        }
        try (ArrayStatement statement = new ArrayStatement(handle, sql)) {
            List<Key> keys = List.copyOf(sums.keySet());
            statement.bind(keys.stream().mapToLong(Key::run).toArray()).bind(ArrayStatement.texts(keys, Key::node));
            if (isOfGpus) {
                statement.bind(ArrayStatement.texts(keys, Key::gpu));
            }
            for (SumColumn<S> column : texts) {
                statement.bind(ArrayStatement.texts(rows, column::textOf));
            }
            statement.bind((rows.size() - 1) * width).bind(all).execute();
        }
    }

    private void put(S sum, double[] into, int start) {
        int at = start;
        for (SumColumn<S> column : numbers) {
            into[at++] = column.numberOf(sum);
        }
        latest.apply(sum).copyTo(into, at);
    }
}
