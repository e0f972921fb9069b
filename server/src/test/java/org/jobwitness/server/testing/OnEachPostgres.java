package org.jobwitness.server.testing;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * All tests of a class run on the newest PostgreSQL, and for {@code make verify-all} on the oldest one that the server works
 * with, too. The class has a {@link PostgresVersion} for its parameter.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@ParameterizedClass
@MethodSource("org.jobwitness.server.testing.PostgresVersion#underTest")
public @interface OnEachPostgres {
}
