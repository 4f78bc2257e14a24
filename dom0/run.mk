# The demo: domain 0 on this terminal, a Debian 12 with Xen's own tools. `make run HYPERVISOR=build/oracle/xen` shows the same on Debian's Xen;
# `make run DEMO=small` boots the small domain 0 of the tests (kernel and busybox), which needs no debootstrap.
HYPERVISOR ?= $(B)/xenios
RUN_MEMORY ?= 1024
RUN_SMP ?= 2
RUN_ARGS ?= -nic user,model=virtio-net-pci
DEMO ?= debian

RUN_INITRD_debian = $(B)/debian/initrd.gz
RUN_KERNEL_ARGS_debian = quiet demo
RUN_DISK_debian = -drive file=$(B)/debian/dom0.img,format=raw,if=virtio,snapshot=on
RUN_INITRD_small = $(B)/dom0.cpio.gz

run:
	$(Q)tools/install-packages build run
	$(Q)$(MAKE) --no-print-directory run-demo

run-demo: all $(HYPERVISOR) $(if $(filter debian,$(DEMO)),$(B)/debian/dom0.img)
	@echo "Booting $(HYPERVISOR) with Debian's kernel as domain 0. 'poweroff' inside ends it, and so does Ctrl-A x."
	$(Q)qemu-system-x86_64 -accel tcg -m $(RUN_MEMORY) -smp $(RUN_SMP) -nographic -no-reboot -kernel $(HYPERVISOR) \
	    -append "console=com1 com1=115200 dom0_mem=512M" \
	    -initrd "$(B)/vmlinuz console=hvc0 $(RUN_KERNEL_ARGS_$(DEMO)),$(RUN_INITRD_$(DEMO))" $(RUN_DISK_$(DEMO)) $(RUN_ARGS)
.PHONY: run run-demo
