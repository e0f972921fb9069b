package org.jobwitness.server.sample;

import static org.jobwitness.server.db.Columns.each;

import java.util.List;
import java.util.Locale;
import org.jdbi.v3.core.Handle;
import org.jobwitness.wire.Figure;

/** Owns the table {@code figure}: the catalogue of figures, for those who ask with SQL. */
final class FigureTable {
    private FigureTable() {
    }

    /** Adds the figures that the table does not have yet. */
    static void store(Handle handle) {
        List<Figure> figures = List.of(Figure.values());
        handle.createUpdate("""
                insert into figure (of, number, name, unit, is_counter)
                select * from unnest(:of, :number, :name, :unit, :is_counter) on conflict do nothing""")
                .bindArray("of", String.class, each(figures, figure -> figure.of().name().toLowerCase(Locale.ROOT)))
                .bindArray("number", Integer.class, each(figures, Figure::number))
                .bindArray("name", String.class, each(figures, Figure::toString))
                .bindArray("unit", String.class, each(figures, figure -> figure.unit().toString()))
                .bindArray("is_counter", Boolean.class, each(figures, Figure::isCounter)).execute();
    }
}
