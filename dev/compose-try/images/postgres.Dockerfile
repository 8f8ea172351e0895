FROM base
RUN groupadd --gid 999 postgres && useradd --uid 999 --gid 999 --create-home --home-dir /var/lib/postgresql postgres
COPY native /usr/lib/postgresql
COPY pg_isready /usr/local/bin/pg_isready
ENV PATH=$PATH:/usr/lib/postgresql/bin LD_LIBRARY_PATH=/usr/lib/postgresql/lib PGDATA=/var/lib/postgresql/18/docker LC_ALL=C
VOLUME /var/lib/postgresql
STOPSIGNAL SIGINT
COPY postgres-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
