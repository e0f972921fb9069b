package org.jobwitness.agent.gpu.nvidia;

import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jobwitness.agent.gpu.GpuName;
import org.jobwitness.agent.gpu.GpuSource;
import org.jobwitness.agent.gpu.GpuSourceException;
import org.jobwitness.agent.gpu.GpuState;
import org.jobwitness.wire.GpuVendor;
import org.jspecify.annotations.Nullable;

/**
 * NVIDIA GPUs and their MIG instances, by the driver's own library, which is linked when there is a driver and released on request.
 * As long as it is linked, the driver stays loaded and the GPUs initialised.
 */
final class Nvml implements GpuSource {
    /** More than a cycle has. The rest is read next time. */
    private static final int MAX_XIDS = 64;

    private final String libraryName;
    private final Path controlDevice;
    private @Nullable Session session;

    /**
     * The open library.
     *
     * @param lost GPUs that could not be opened
     * @param xids the event set for Xid errors; null if the driver has none
     */
    private record Session(NvmlLibrary library, List<NvmlDevice> devices, List<GpuState> lost,
            @Nullable MemorySegment xids) {
    }

    /** A GPU of the library. */
    private record Found(GpuName name, MemorySegment handle) {
    }

    /**
     * Opens nothing yet.
     *
     * @param libraryName for the loader of the system, or a path
     * @param controlDevice which exists while the driver is loaded
     */
    Nvml(String libraryName, Path controlDevice) {
        this.libraryName = libraryName;
        this.controlDevice = controlDevice;
    }

    @Override
    public String name() {
        return "NVML";
    }

    @Override
    public boolean isPresent() {
        return Files.exists(controlDevice);
    }

    @Override
    public List<GpuState> read() throws GpuSourceException {
        try {
            return readOrThrow();
        } catch (NvmlLibrary.UnavailableException | NvmlException e) {
            throw new GpuSourceException(String.valueOf(e.getMessage()));
        }
    }

    /** As {@link #read}, but distinguishes a missing library from a failing driver. */
    List<GpuState> readOrThrow() throws NvmlLibrary.UnavailableException, NvmlException {
        Session open = session;
        if (open == null) {
            open = open();
            session = open;
        }
        readXids(open);
        List<GpuState> states = new ArrayList<>();
        for (NvmlDevice device : open.devices) {
            states.addAll(read(device));
        }
        states.addAll(open.lost);
        return states;
    }

    /** What one GPU reports must not cost the others their figures. */
    private static List<GpuState> read(NvmlDevice device) throws NvmlException {
        try {
            return device.read();
        } catch (IllegalArgumentException | IllegalStateException | ArithmeticException | IndexOutOfBoundsException e) {
            return List.of(GpuState.unknown(device.name(), "it cannot be read: " + e));
        }
    }

    @Override
    public void keepUp() {
        Session open = session;
        if (open != null) {
            open.devices.forEach(NvmlDevice::keepUp);
        }
    }

    private Session open() throws NvmlLibrary.UnavailableException, NvmlException {
        NvmlLibrary library = new NvmlLibrary(libraryName);
        try {
            library.init();
            List<Found> found = new ArrayList<>();
            List<GpuState> lost = new ArrayList<>();
            int count = library.deviceCount();
            for (int number = 0; number < count; number++) {
                try {
                    found.add(find(library, number));
                } catch (NvmlException | IllegalArgumentException e) {
                    lost.add(GpuState.unknown(new GpuName(GpuVendor.NVIDIA, null, null, null, number, null, null),
                            String.valueOf(e.getMessage())));
                }
            }
            List<NvmlDevice> devices = (lost.isEmpty() ? withPciIndexes(found) : found).stream()
                    .map(one -> new NvmlDevice(library, one.name, one.handle)).toList();
            return new Session(library, devices, List.copyOf(lost), registerForXids(library, devices));
        } catch (NvmlException | RuntimeException e) {
            library.close();
            throw e;
        }
    }

    private static Found find(NvmlLibrary library, int number) throws NvmlException {
        MemorySegment handle = library.device(number);
        return new Found(new GpuName(GpuVendor.NVIDIA, library.uuid(handle), library.pci(handle),
                NvmlQueries.orNull(() -> library.minor(handle)), number, null,
                NvmlQueries.orNull(() -> library.model(handle))), handle);
    }

    /** Indexes by PCI address, as Slurm counts. NVML usually does so too, but does not promise it. */
    private static List<Found> withPciIndexes(List<Found> found) {
        List<String> addresses = found.stream().map(one -> Objects.requireNonNull(one.name.pci())).sorted().toList();
        return found.stream().map(one -> {
            GpuName name = one.name;
            return new Found(new GpuName(name.vendor(), name.uuid(), name.pci(), name.minor(),
                    addresses.indexOf(name.pci()), null, name.model()), one.handle);
        }).toList();
    }

    private static @Nullable MemorySegment registerForXids(NvmlLibrary library, List<NvmlDevice> devices) {
        MemorySegment xids = NvmlQueries.orNull(library::newEvents);
        for (NvmlDevice device : devices) {
            if (xids == null) {
                device.xidsUnavailable("the driver does not report Xid errors");
            } else {
                device.registerForXids(xids);
            }
        }
        return xids;
    }

    private static void readXids(Session open) {
        if (open.xids == null) {
            return;
        }
        try {
            for (int i = 0; i < MAX_XIDS; i++) {
                Optional<NvmlLibrary.Xid> next = open.library.nextXid(open.xids);
                if (next.isEmpty()) {
                    return;
                }
                open.devices.forEach(device -> device.addXid(next.get()));
            }
        } catch (NvmlException e) {
            open.devices.forEach(device -> device.xidsUnavailable(String.valueOf(e.getMessage())));
        }
    }

    @Override
    public void release() {
        Session open = session;
        session = null;
        if (open == null) {
            return;
        }
        try {
            for (NvmlDevice device : open.devices) {
                device.release();
            }
            if (open.xids != null) {
                open.library.freeEvents(open.xids);
            }
        } catch (NvmlException e) {
            // The driver was unloaded, and everything of ours with it.
        } finally {
            open.library.close();
        }
    }

    @Override
    public void close() {
        release();
    }
}
