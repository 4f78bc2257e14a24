# Our daemons with their man pages, units and scripts, below DESTDIR: make install-daemons DESTDIR=/some/where
install-daemons: $(B)/tools/xenstored $(B)/tools/xenconsoled
	$(Q)install -D -m 755 -t $(DESTDIR)/usr/lib/xenios/bin $^
	$(Q)install -D -m 755 toolstack/init/xenios-daemons $(DESTDIR)/usr/sbin/xenios-daemons
	$(Q)install -D -m 755 toolstack/init/xenios.init $(DESTDIR)/etc/init.d/xenios
	$(Q)install -D -m 644 toolstack/init/xenios.default $(DESTDIR)/etc/default/xenios
	$(Q)install -D -m 644 -t $(DESTDIR)/usr/lib/systemd/system toolstack/init/*.service
	$(Q)install -D -m 644 -t $(DESTDIR)/usr/share/man/man8 docs/man/*.8
.PHONY: install-daemons

# A source that has gone, and that a test's list of what it was built from still names (build/**.d), is no reason not to build the test again.
toolstack/%.c: ;
