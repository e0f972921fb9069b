package org.jobwitness.server.db;

import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.Locale;
import java.util.Optional;

/** A day of packed samples, or a month of the audit trail: a table of its own, which is made and which leaves as a whole. In UTC. */
public record Partition(Parent parent, LocalDate first) {

    /** The tables that are divided by time. */
    public enum Parent {
        AUDIT(ChronoUnit.MONTHS, "uuuu_MM"),
        CHUNK(ChronoUnit.DAYS, "uuuu_MM_dd");

        private final ChronoUnit length;
        private final DateTimeFormatter suffix;

        Parent(ChronoUnit length, String suffix) {
            this.length = length;
            this.suffix = DateTimeFormatter.ofPattern(suffix, Locale.ROOT);
        }

        /** The one that a row of this moment belongs to. */
        Partition at(Instant moment) {
            LocalDate day = moment.atOffset(ZoneOffset.UTC).toLocalDate();
            return new Partition(this, length == ChronoUnit.MONTHS ? day.withDayOfMonth(1) : day);
        }

        /** The table's name. */
        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** The one of ours that has this name and these bounds; none if it is not one that we would make so. */
    static Optional<Partition> of(Parent parent, String name, Instant from, Instant to) {
        Partition partition = parent.at(from);
        return partition.name().equals(name) && partition.from().equals(from) && partition.to().equals(to)
                ? Optional.of(partition)
                : Optional.empty();
    }

    public String name() {
        return parent + "_" + parent.suffix.format(first);
    }

    Instant from() {
        return first.atStartOfDay().toInstant(ZoneOffset.UTC);
    }

    /** Its first moment no more. */
    Instant to() {
        return next().from();
    }

    Partition next() {
        return new Partition(parent, first.plus(1, parent.length));
    }
}
