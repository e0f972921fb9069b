package org.jobwitness.wire;

import org.jspecify.annotations.Nullable;

/**
 * Which device a GPU is. All of it is the driver's word; it stays the same from reading to reading.
 *
 * @param model the product's name, such as NVIDIA H100 80GB HBM3
 * @param pciBusId as domain:bus:device.function, such as 00000000:3b:00.0
 * @param minor of its device file: 2 of /dev/nvidia2
 * @param parent where it is a part of a GPU (an instance of MIG, a partition): the name that the whole GPU has as {@code gpu}
 */
public record GpuDevice(@Nullable String model, @Nullable String pciBusId, @Nullable Integer minor,
        @Nullable String parent) {

    public GpuDevice {
        model = Checks.text("model", model, 256);
        pciBusId = Checks.text("pci_bus_id", pciBusId, 64);
        minor = Checks.within("minor", minor, 0, 1 << 20);
        parent = Checks.text("parent", parent, 256);
    }
}
