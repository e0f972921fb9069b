package org.jobwitness.server.testing;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Formatter;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;

/** What a class says in the log while this is open. */
public final class Logged implements AutoCloseable {
    private final Logger logger;
    private final List<String> lines = new CopyOnWriteArrayList<>();
    private final Handler handler = new Handler() {
        private final Formatter formatter = new SimpleFormatter();

        @Override
        public void publish(LogRecord said) {
            lines.add(said.getLevel() + " " + formatter.formatMessage(said));
        }

        @Override
        public void flush() {
        }

        @Override
        public void close() {
        }
    };

    public Logged(Class<?> by) {
        logger = Logger.getLogger(by.getName());
        logger.addHandler(handler);
    }

    /** Each with its level before it. */
    public List<String> lines() {
        return List.copyOf(lines);
    }

    @Override
    public void close() {
        logger.removeHandler(handler);
    }
}
