package org.jobwitness.server.db;

import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.Locale;
import java.util.Optional;

/** A day of packed samples, or a month of the audit trail, in UTC: a table of its own, created and dropped as a whole. */
public record Partition(Parent parent, LocalDate first) {

    /** The partitioned tables. */
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

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** The partition with this name and these bounds; empty if it is not one of ours. */
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

    /** Exclusive. */
    Instant to() {
        return next().from();
    }

    Partition next() {
        return new Partition(parent, first.plus(1, parent.length));
    }
}
